"""Weights and labelled videos → what probes of their features reach; the plan reads no video."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from videomae2.base.summary import Summary
from videomae2.base.text import format_count
from videomae2.commands.probe.attentive import probe_attentive
from videomae2.commands.probe.config import (
    METHODS,
    ProbeClipConfig,
    ProbeSettings,
    check_probe_settings,
    default_cache_dir,
)
from videomae2.commands.probe.features import (
    FeatureList,
    FeatureSplit,
    extract_train_test,
    resolve_probe_views,
)
from videomae2.commands.probe.knn_linear import cv_splits, feasible_ks, probe_knn, probe_linear
from videomae2.errors import ConfigError
from videomae2.inference.feature_store import count_done
from videomae2.inference.features import FeatureExtractor, pool_grid
from videomae2.inference.probe_data import ProbeData, ProbeListConfig, load_train_test
from videomae2.inference.views import bind_views
from videomae2.metrics.probe import ProbeResult
from videomae2.models.weights.config_json import FrameSampling
from videomae2.models.weights.frozen_encoder import FrozenEncoder, load_frozen_encoder
from videomae2.models.weights.resolve import check_model_exists
from videomae2.reports.probe import ProbeReport, format_encoder, format_grid, format_sampling
from videomae2.tensors.grid import Grid
from videomae2.training.runtime import RuntimeConfig, prepare_runtime

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbePlan:
    """What will be probed, with which videos, and where features are kept."""

    extractor: FeatureExtractor
    data: ProbeData
    lists: list[FeatureList]
    frame_sampling: FrameSampling
    skip_unreadable: bool
    settings: ProbeSettings

    def summary(self) -> Summary:
        """What will be done, and which features are there already."""
        extractor, data, settings = self.extractor, self.data, self.settings
        encoder = format_encoder(extractor.frozen.encoder.config)
        train = (
            f"{format_count(len(data.train_rows), 'video')} of "
            f"{format_count(len(data.classes), 'class')}"
        )
        methods = ", ".join(settings.methods)
        return Summary(
            (
                ("weights", f"{extractor.frozen.path} ({encoder})"),
                (
                    "clips",
                    f"{extractor.clips} of each video, {format_sampling(self.frame_sampling)}",
                ),
                ("train", f"{train}: {data.train.source}"),
                ("test", f"{format_count(len(data.test_rows), 'video')}: {data.test_description}"),
                ("probes", f"{methods}, chosen on {settings.folds} folds of train"),
                ("features", "\n".join(map(self._summarize_cache, self.lists))),
                ("device", str(extractor.runtime)),
            )
        )

    def _summarize_cache(self, feature_list: FeatureList) -> str:
        """What is kept of a list, and how much of it is there."""
        name, manifest, views = feature_list
        folder, grid = self.extractor.resolve_cache(manifest, views)
        size_gib = self.extractor.estimate_bytes(len(manifest), grid) / 2**30
        tokens = f" and {format_grid(grid)} tokens of a clip" if grid else ""
        return (
            f"{name}: {count_done(folder)} of {len(manifest)} are there, means{tokens}, "
            f"{size_gib:.3g} GiB in {folder}"
        )


def prepare_probe(
    weights: Path,
    train: Path,
    test: Path | None = None,
    *,
    use_ema: bool = False,
    clips: ProbeClipConfig | None = None,
    list_config: ProbeListConfig | None = None,
    settings: ProbeSettings | None = None,
) -> ProbePlan:
    """Read lists and weights and check all that can be known, without reading a video.

    Weights are a run folder, a saved model of any kind (``use_ema``: the running mean of those of a
    checkpoint), or a released file. Nothing is chosen by ``test``; a share of ``train`` if not
    given.

    Raises:
        ConfigError: A choice cannot work or has no effect.
        DataError: A list is wrong.
        CheckpointError: There are no weights that can be read.
    """
    clips, list_config = clips or ProbeClipConfig(), list_config or ProbeListConfig()
    settings = settings or ProbeSettings()
    check_probe_settings(settings, clips)
    check_model_exists(weights)
    runtime = prepare_runtime(RuntimeConfig(device=settings.device, precision=settings.precision))
    data = load_train_test(train, test, list_config, seed=settings.seed)
    splits = cv_splits(data.train.labels[data.train_rows], settings.folds, settings.seed)
    if "knn" in settings.methods:
        feasible_ks(settings.ks, splits)
    frozen = load_frozen_encoder(weights, frames=clips.frames, side=clips.side, use_ema=use_ema)
    views = resolve_probe_views(frozen, clips, settings.reading, list_config.frame_rate)
    extractor = FeatureExtractor(
        frozen=frozen.to(runtime.device),
        runtime=runtime,
        clips=clips.clips,
        batch_size=settings.batch_size,
        stored_grid=_choose_stored_grid(frozen, data, clips.clips, settings),
        cache_dir=settings.cache_dir or default_cache_dir(),
        reading=settings.reading,
    )
    manifests = {"videos": data.train}
    if data.test is not None:
        manifests = {"train": data.train, "test": data.test}
    return ProbePlan(
        extractor=extractor,
        data=data,
        lists=[(name, each, bind_views(views, each)) for name, each in manifests.items()],
        frame_sampling=FrameSampling(
            kind="tsn" if views.frame_sampling == "tsn" else "strided",
            frame_interval=views.frame_interval,
            interval_unit=views.interval_unit,
        ),
        skip_unreadable=list_config.skip_unreadable,
        settings=settings,
    )


def _choose_stored_grid(
    frozen: FrozenEncoder, data: ProbeData, clips: int, settings: ProbeSettings
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
        _logger.info(
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
        extractor, data, plan.lists, skip_unreadable=plan.skip_unreadable
    )
    _logger.info(
        f"probing  {len(train.rows)} training and {format_count(len(test.rows), 'test video')}"
    )
    majority_class = np.bincount(train.labels).argmax()
    return ProbeReport(
        weights=extractor.frozen.path,
        digest=extractor.frozen.digest,
        encoder=format_encoder(extractor.frozen.encoder.config),
        frame_sampling=plan.frame_sampling,
        clips=extractor.clips,
        stored_grid=extractor.stored_grid,
        grid=extractor.frozen.encoder.cubes.grid,
        train=data.train.source,
        test=data.test_description,
        classes=data.classes,
        num_train_videos=len(train.rows),
        num_test_videos=len(test.rows),
        unreadable=unreadable,
        majority_accuracy=float((test.labels == majority_class).mean()),
        results=tuple(_probe_methods(train, test, plan)),
        cache_dir=extractor.cache_dir,
    )


def _probe_methods(
    train: FeatureSplit, test: FeatureSplit, plan: ProbePlan
) -> Iterator[ProbeResult]:
    settings, extractor = plan.settings, plan.extractor
    device, num_classes = extractor.runtime.device, len(plan.data.classes)
    pooled = train.pooled_features(device), test.pooled_features(device)
    for method in METHODS:
        if method not in settings.methods:
            continue
        _logger.info(f"probing  {method}")
        if method == "knn":
            yield probe_knn(*pooled, num_classes, settings)
        elif method == "linear":
            yield probe_linear(*pooled, num_classes, settings)
        else:
            tokens = train.token_features(device), test.token_features(device)
            num_heads = extractor.frozen.encoder.config.shape.num_heads
            yield probe_attentive(*tokens, num_classes, num_heads, settings)
