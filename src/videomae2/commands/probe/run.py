"""Weights and labelled videos → what probes of their features reach; the plan reads no video."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from videomae2.base.text import log_to_stdout
from videomae2.commands.probe.attentive import AttentiveConfig, probe_attentive
from videomae2.commands.probe.config import (
    METHODS,
    ProbeClipConfig,
    ProbeSettings,
    check_probe_settings,
)
from videomae2.commands.probe.features import (
    FeatureSplit,
    extract_train_test,
    list_view_specs,
    resolve_sampling,
)
from videomae2.commands.probe.knn_linear import cv_splits, feasible_ks, probe_knn, probe_linear
from videomae2.data.loading.reading import LoadingConfig
from videomae2.errors import ConfigError
from videomae2.inference.encoding import pool_grid
from videomae2.inference.features import FeatureExtractor, LogFn
from videomae2.inference.probe_data import ProbeData, ProbeListConfig, load_train_test
from videomae2.inference.store import count_done
from videomae2.metrics.probe import ProbeResult
from videomae2.models.weights.config_json import FrameSampling
from videomae2.models.weights.frozen_encoder import FrozenEncoder, load_frozen_encoder
from videomae2.reports.probe import ProbeReport, format_sampling
from videomae2.tensors.grid import Grid
from videomae2.training.runtime import RuntimeConfig, prepare_runtime


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbePlan:
    """What will be probed, with which videos, and where features are kept."""

    extractor: FeatureExtractor
    data: ProbeData
    sampling: FrameSampling
    clips: ProbeClipConfig
    list_config: ProbeListConfig
    settings: ProbeSettings

    def summary(self) -> list[str]:
        """Say in a few lines what will be done."""
        frozen, data, settings = self.extractor.frozen, self.data, self.settings
        train = f"{len(data.train_rows)} videos of {len(data.classes)} classes"
        return [
            f"weights   {frozen.path} ({format_encoder(frozen)})",
            f"clips     {self.clips.clips} of each video, {format_sampling(self.sampling)}",
            f"train     {train}: {data.train.source}",
            f"test      {len(data.test_rows)} videos: {data.test_description}",
            f"probes    {', '.join(settings.methods)}, chosen on {settings.folds} folds of train",
            *self._summarize_caches(),
            f"device    {self.extractor.runtime}",
        ]

    def _summarize_caches(self) -> list[str]:
        """What is kept of each list, and how much of it is there."""
        rate, lines = self.clips.frame_rate, []
        for name, manifest, view_spec in list_view_specs(
            self.extractor, self.data, self.sampling, frame_rate=rate
        ):
            feature_cache = self.extractor.resolve_cache(manifest, view_spec)
            size_gib = (
                self.extractor.estimate_bytes(len(manifest), feature_cache.stored_grid) / 2**30
            )
            tokens = (
                f" and {format_grid(feature_cache.stored_grid)} tokens of a clip"
                if feature_cache.stored_grid
                else ""
            )
            lines.append(
                f"features  {name}: {count_done(feature_cache.folder)} of {len(manifest)} are "
                f"there, means{tokens}, {size_gib:.3g} GiB in {feature_cache.folder}"
            )
        return lines


def prepare_probe(
    weights: Path,
    train: Path,
    test: Path | None = None,
    *,
    use_ema: bool = False,
    clips: ProbeClipConfig | None = None,
    list_config: ProbeListConfig | None = None,
    settings: ProbeSettings | None = None,
    log: LogFn = log_to_stdout,
) -> ProbePlan:
    """Read lists and weights and check all that can be known, without reading a video.

    Args:
        weights: A run folder, a saved model of any kind, or a released file.
        train: Labelled videos to fit probes on and to choose their settings by.
        test: Labelled videos that nothing is chosen by; a share of ``train`` if not given.
        use_ema: Take the running mean of the weights (EMA) of a checkpoint.
        clips: What the encoder sees of each video.
        list_config: How the lists are read.
        settings: What is tried.
        log: Takes each line about the progress, then and while probing.

    Raises:
        ConfigError: A choice cannot work or has no effect.
        DataError: A list is wrong.
        CheckpointError: There are no weights that can be read.
    """
    clips, list_config = clips or ProbeClipConfig(), list_config or ProbeListConfig()
    settings = settings or ProbeSettings()
    check_probe_settings(settings)
    runtime = prepare_runtime(RuntimeConfig(device=settings.device, precision=settings.precision))
    data = load_train_test(train, test, list_config, seed=settings.seed)
    _check_folds(data, settings)
    frozen = load_frozen_encoder(weights, frames=clips.frames, side=clips.side, use_ema=use_ema)
    sampling = resolve_sampling(frozen, clips)
    extractor = FeatureExtractor(
        frozen=frozen.to(runtime.device),
        runtime=runtime,
        clips=clips.clips,
        batch_size=settings.batch_size,
        stored_grid=_choose_stored_grid(frozen, data, clips.clips, settings, log),
        cache_dir=settings.cache_dir or default_cache_dir(),
        reading=LoadingConfig(
            num_workers=settings.num_workers,
            timeout_seconds=settings.timeout_seconds,
            memory_limit_gib=settings.memory_limit_gib,
        ),
        log=log,
    )
    list_view_specs(extractor, data, sampling, frame_rate=clips.frame_rate)
    return ProbePlan(
        extractor=extractor,
        data=data,
        sampling=sampling,
        clips=clips,
        list_config=list_config,
        settings=settings,
    )


def default_cache_dir() -> Path:
    """Where features are kept if nobody says otherwise."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "videomae2" / "features"


def format_encoder(frozen: FrozenEncoder) -> str:
    """Which encoder it is."""
    config = frozen.encoder.config
    return f"{config.size}, clips of {config.frames}x{config.height}x{config.width}"


def format_grid(grid: Grid) -> str:
    """A grid in words."""
    return "x".join(map(str, grid))


def _check_folds(data: ProbeData, settings: ProbeSettings) -> None:
    """Refuse folds or neighbours that there are too few videos for."""
    labels = data.train.labels[data.train_rows]
    splits = list(cv_splits(labels, settings.folds, settings.seed))
    if "knn" in settings.methods:
        feasible_ks(settings.ks, splits)


def _choose_stored_grid(
    frozen: FrozenEncoder, data: ProbeData, clips: int, settings: ProbeSettings, log: LogFn
) -> Grid | None:
    """Which grid of tokens there is room for; the encoder's own if there is."""
    if "attentive" not in settings.methods:
        return None
    videos = len(data.train) + (0 if data.test is None else len(data.test))
    bytes_per_token = 2 * frozen.encoder.config.shape.embed_dim * videos * clips
    max_tokens = int(settings.token_gib * 2**30 // bytes_per_token)
    if max_tokens < 1:
        raise ConfigError(
            f"--token-gib {settings.token_gib:g} has no room for a single token of {videos} "
            f"videos; {bytes_per_token / 2**30:.2g} would, or leave attentive out of --methods"
        )
    grid = frozen.encoder.cubes.grid
    stored_grid = pool_grid(grid, max_tokens)
    if stored_grid != grid:
        log(
            f"tokens   averaged from {format_grid(grid)} to {format_grid(stored_grid)} a clip: all "
            f"of them would take {bytes_per_token * frozen.encoder.cubes.tokens / 2**30:.1f} GiB, "
            f"more than --token-gib {settings.token_gib:g}"
        )
    return stored_grid


def run_probe(plan: ProbePlan) -> ProbeReport:
    """Probe the frozen features of an encoder, as ``prepare_probe`` has planned it.

    Raises:
        ConfigError: Features cannot be kept, or there are too few videos for a choice.
        DataError: A video cannot be read.
        Interrupted: When asked to stop while features are extracted; those that are stay.
    """
    extractor, data = plan.extractor, plan.data
    train, test, unreadable = extract_train_test(
        extractor,
        data,
        plan.sampling,
        frame_rate=plan.clips.frame_rate,
        skip_unreadable=plan.list_config.skip_unreadable,
    )
    extractor.log(f"probing  {len(train.rows)} training and {len(test.rows)} test videos")
    results = _probe_methods(train, test, plan)
    majority_class = np.bincount(train.labels).argmax()
    return ProbeReport(
        weights=extractor.frozen.path,
        digest=extractor.frozen.digest,
        encoder=format_encoder(extractor.frozen),
        sampling=plan.sampling,
        clips=plan.clips.clips,
        stored_grid=extractor.stored_grid,
        grid=extractor.frozen.encoder.cubes.grid,
        train=data.train.source,
        test=data.test_description,
        classes=data.classes,
        num_train_videos=len(train.rows),
        num_test_videos=len(test.rows),
        unreadable=unreadable,
        majority_accuracy=float((test.labels == majority_class).mean()),
        results=tuple(results),
        cache_dir=extractor.cache_dir,
    )


def _probe_methods(train: FeatureSplit, test: FeatureSplit, plan: ProbePlan) -> list[ProbeResult]:
    settings, extractor, log = plan.settings, plan.extractor, plan.extractor.log
    device, heads = extractor.runtime.device, extractor.frozen.encoder.config.shape.num_heads
    num_classes, results = len(plan.data.classes), []
    features = train.pooled_features(device), test.pooled_features(device)
    folds, seed = settings.folds, settings.seed
    for method in METHODS:
        if method not in settings.methods:
            continue
        log(f"probing  {method}")
        if method == "knn":
            ks, temperature = settings.ks, settings.temperature
            results.append(
                probe_knn(
                    *features, num_classes, ks=ks, temperature=temperature, folds=folds, seed=seed
                )
            )
        elif method == "linear":
            l2 = settings.l2
            results.append(probe_linear(*features, num_classes, l2=l2, folds=folds, seed=seed))
        else:
            attentive_config = AttentiveConfig(
                heads=heads,
                num_classes=num_classes,
                epochs=settings.epochs,
                batch_size=settings.probe_batch_size,
                seed=settings.seed,
                device=device,
                log=log,
            )
            lrs, weight_decays = settings.lrs, settings.weight_decays
            tokens = train.token_features(), test.token_features()
            results.append(
                probe_attentive(
                    *tokens,
                    attentive_config,
                    lrs=lrs,
                    weight_decays=weight_decays,
                    folds=settings.folds,
                )
            )
    return results
