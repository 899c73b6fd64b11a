"""Weights and labelled videos → what will be probed, checked without reading a video."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from videomae2.base.summary import Summary
from videomae2.base.text import format_count
from videomae2.commands.probe.config import (
    ProbeClipConfig,
    ProbeSettings,
    check_probe_settings,
    default_cache_dir,
)
from videomae2.commands.probe.features import (
    FeatureList,
    resolve_probe_views,
)
from videomae2.commands.probe.knn_linear import (
    feasible_ks,
)
from videomae2.commands.probe.poolings import check_in_place
from videomae2.commands.probe.split_features import cv_splits
from videomae2.commands.probe.stored import StoredExtractor, fit_settings
from videomae2.data.manifests.bit_depth import choose_bits
from videomae2.data.manifests.roots import check_outside
from videomae2.data.splits.duplicates import DuplicateSearch
from videomae2.errors import ConfigError
from videomae2.inference.features.cache import FeatureExtractor, KeptFeatures
from videomae2.inference.features.store import FeatureStore, is_feature_folder
from videomae2.inference.probe_data import (
    ProbeData,
    ProbeListConfig,
    describe_rare_classes,
    load_train_test,
)
from videomae2.inference.views import bind_views
from videomae2.models.weights.config_json import FrameSampling
from videomae2.models.weights.frozen_encoder import FrozenEncoder, load_frozen_encoder
from videomae2.models.weights.resolve import locate_model
from videomae2.reports.probe import format_encoder, format_grid, format_sampling
from videomae2.tensors.grid import Grid, pool_grid
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
    find_duplicates: DuplicateSearch
    settings: ProbeSettings
    is_baseline: bool = False
    """The weights are fresh ones, beside those that are probed."""

    def summary(self) -> Summary:
        """What will be done, and which features are there already."""
        extractor, data, settings = self.extractor, self.data, self.settings
        encoder = format_encoder(extractor.frozen.encoder.config)
        train = (
            f"{format_count(len(data.train_rows), 'video')} of "
            f"{format_count(len(data.classes), 'class')}"
        )
        pooled = f" of {', '.join(settings.poolings)}" if pools(settings) else ""
        methods = f"{', '.join(settings.methods)}{pooled}"
        chosen = f"chosen on {settings.folds} folds of train"
        rare = describe_rare_classes(data, settings.folds)
        beside = (("beside", ", ".join(settings.baselines)),) if settings.baselines else ()
        warnings = dict.fromkeys(
            text for part in (data.train, data.test) if part for text in part.warnings
        )
        return Summary(
            (
                ("weights", f"{extractor.frozen.path} ({encoder})"),
                (
                    "clips",
                    extractor.description
                    or f"{extractor.clips} of each video, {format_sampling(self.frame_sampling)}",
                ),
                ("train", f"{train}: {data.train.source}"),
                ("test", f"{format_count(len(data.test_rows), 'video')}: {data.test_description}"),
                *(("warning", text) for text in warnings),
                ("probes", "\n".join([f"{methods}, {chosen}", *([rare] if rare else [])])),
                *beside,
                ("features", "\n".join(map(self._summarize_cache, self.lists))),
                ("device", str(extractor.runtime)),
            )
        )

    def _summarize_cache(self, feature_list: FeatureList) -> str:
        """What is kept of a list, and how much of it is there."""
        name, manifest, views = feature_list
        extractor, kept = self.extractor, self.extractor.kept
        size_gib = extractor.estimate_bytes(len(manifest)) / 2**30
        slots = ", time slots" if kept.slots else ""
        tokens = f" and {format_grid(kept.grid)} tokens of a clip" if kept.grid else ""
        return (
            f"{name}: {extractor.count_done(manifest, views)} of {len(manifest)} are there, "
            f"means{slots}{tokens}, {size_gib:.3g} GiB in {extractor.locate_cache(views)}"
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
    checkpoint), a released file, or a folder of features that were extracted. Nothing is chosen by
    ``test``; a share of ``train`` if not given.

    Raises:
        ConfigError: A choice cannot work or has no effect.
        DataError: A list is wrong.
        CheckpointError: There are no weights that can be read.
    """
    clips, list_config = clips or ProbeClipConfig(), list_config or ProbeListConfig()
    settings = settings or ProbeSettings()
    check_probe_settings(settings, clips)
    store = FeatureStore(weights) if is_feature_folder(weights) else None
    if store is not None:
        settings = fit_settings(store, settings, clips)
    weights = locate_model(weights)
    runtime = prepare_runtime(RuntimeConfig(device=settings.device, precision=settings.precision))
    data = load_train_test(train, test, list_config, seed=settings.seed)
    _check_folds(data, settings)
    if store is None:
        frozen = load_frozen_encoder(weights, frames=clips.frames, side=clips.side, use_ema=use_ema)
    else:
        frozen = load_frozen_encoder(Path(store.settings["weights"]))
        frozen = replace(frozen, digest=store.settings["backbone"])  # it may have been cut
    bits = choose_bits(list_config.bits, frozen.bits, weights)
    if bits is not None and bits != data.train.bits:
        list_config = replace(list_config, bits=bits)
        data = load_train_test(train, test, list_config, seed=settings.seed)
    views = resolve_probe_views(frozen, clips, settings.reading, list_config.frame_rate)
    _check_slots(settings, clips.clips * frozen.encoder.cubes.grid[0])
    cache_dir = settings.cache_dir or default_cache_dir()
    check_outside(cache_dir, train, *([] if test is None else [test]), flag="--cache-dir")
    fields: dict[str, Any] = {
        "frozen": frozen.to(runtime.device),
        "runtime": runtime,
        "clips": clips.clips,
        "batch_size": settings.batch_size,
        "kept": _choose_kept(frozen, data, clips.clips, settings),
        "cache_dir": cache_dir,
        "reading": settings.reading,
    }
    extractor = (
        FeatureExtractor(**fields)
        if store is None
        else StoredExtractor(**fields, folder=store.folder)
    )
    manifests = {"videos": data.train}
    if data.test is not None:
        manifests = {"train": data.train, "test": data.test}
    return ProbePlan(
        extractor=extractor,
        data=data,
        lists=[(name, each, bind_views(views, each)) for name, each in manifests.items()],
        frame_sampling=FrameSampling(
            kind="strided" if views.frame_sampling == "dense" else views.frame_sampling,
            frame_interval=views.frame_interval,
            interval_unit=views.interval_unit,
        ),
        skip_unreadable=list_config.skip_unreadable,
        find_duplicates=list_config.find_duplicates,
        settings=settings,
    )


def _check_folds(data: ProbeData, settings: ProbeSettings) -> None:
    """Refuse folds that classes or groups are too few for, and neighbours that a fold has not."""
    groups = data.train.groups
    if groups is not None:
        groups = [groups[row] for row in data.train_rows]
    labels = data.train.labels[data.train_rows]
    splits = cv_splits(labels, settings.folds, settings.seed, groups)
    if "knn" in settings.methods:
        feasible_ks(settings.ks, splits)


def pools(settings: ProbeSettings) -> bool:
    """Whether anything sees pooled features."""
    return set(settings.methods) != {"attentive"}


def _check_slots(settings: ProbeSettings, slots: int) -> None:
    """Refuse the means of time slots where there is one, which is the mean of all tokens."""
    if pools(settings) and "slots" in settings.poolings and slots == 1:
        raise ConfigError(
            "--poolings slots has no effect on clips with one time slot: it is the mean; leave it "
            "out"
        )


def _choose_kept(
    frozen: FrozenEncoder, data: ProbeData, clips: int, settings: ProbeSettings
) -> KeptFeatures:
    """Which features are needed, and which grid of tokens there is room for."""
    in_place = pools(settings) and "in-place" in settings.poolings
    grid = None
    if in_place or "attentive" in settings.methods:
        grid = _choose_stored_grid(frozen, data, clips, settings)
    if in_place and grid is not None:
        dim = clips * int(np.prod(grid)) * frozen.encoder.config.shape.embed_dim
        check_in_place(len(data.train_rows), dim)
    # beside tokens the means of time slots are few, and the next probe may want them
    slots = grid is not None or (pools(settings) and "slots" in settings.poolings)
    return KeptFeatures(slots=slots, grid=grid)


def _choose_stored_grid(
    frozen: FrozenEncoder, data: ProbeData, clips: int, settings: ProbeSettings
) -> Grid:
    """Which grid of tokens there is room for; the encoder's own if there is."""
    videos = len(data.train) + (0 if data.test is None else len(data.test))
    bytes_per_token = 2 * frozen.encoder.config.shape.embed_dim * videos * clips
    max_tokens = int(settings.token_gib * 2**30 // bytes_per_token)
    if max_tokens < 1:
        raise ConfigError(
            f"--token-gib {settings.token_gib:g} has no room for a single token of {videos} "
            f"videos; {bytes_per_token / 2**30:.2g} would, or leave attentive out of --methods and "
            f"in-place out of --poolings"
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
