"""What probes of the features of weights reach, and what stands beside them."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from videomae2.base.text import format_count
from videomae2.commands.probe.attentive import probe_attentive
from videomae2.commands.probe.baselines import PixelExtractor, probe_pixels, randomize
from videomae2.commands.probe.config import (
    METHODS,
    POOLINGS,
)
from videomae2.commands.probe.features import (
    FeatureSplit,
    extract_train_test,
)
from videomae2.commands.probe.knn_linear import (
    probe_knn,
    probe_linear,
    probe_ridge,
)
from videomae2.commands.probe.plan import ProbePlan, pools
from videomae2.commands.probe.poolings import pool_split
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.splits.duplicates import describe_duplicates, list_side
from videomae2.data.splits.overlap import format_entry_id
from videomae2.inference.features.attentive import save_attentive_probe
from videomae2.inference.probe_data import (
    describe_rare_classes,
)
from videomae2.metrics.probe import BaselineResult, ProbeResult, compare_with_baseline
from videomae2.models.attentive_probe import AttentiveProbe
from videomae2.reports.probe import ProbeReport, format_encoder
from videomae2.training.runtime import resolve_num_workers

_logger = logging.getLogger(__name__)


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
    if duplicates := _find_duplicates(train, test, plan):
        _logger.warning(duplicates)
    if rare := describe_rare_classes(data, plan.settings.folds):
        _logger.warning(rare)
    majority_class = np.bincount(train.labels).argmax()
    results = tuple(_probe_methods(train, test, plan))
    return ProbeReport(
        weights=extractor.frozen.path,
        digest=extractor.frozen.digest,
        encoder=format_encoder(extractor.frozen.encoder.config),
        frame_sampling=plan.frame_sampling,
        clips=extractor.clips,
        clip_description=extractor.description,
        stored_grid=extractor.kept.grid,
        grid=extractor.frozen.encoder.cubes.grid,
        train=data.train.source,
        test=data.test_description,
        classes=data.classes,
        num_train_videos=len(train.rows),
        num_test_videos=len(test.rows),
        unreadable=unreadable,
        majority_accuracy=float((test.labels == majority_class).mean()),
        results=results,
        baselines=tuple(_probe_baselines(results, plan)),
        cache_dir=extractor.cache_dir,
        test_videos=_list_names(plan.lists[-1][1], test),
    )


def _list_names(manifest: Manifest, split: FeatureSplit) -> tuple[str, ...]:
    return tuple(format_entry_id(manifest[int(row)]) for row in split.rows)


_POOLED_PROBES = {"knn": probe_knn, "ridge": probe_ridge, "linear": probe_linear}


def _probe_methods(
    train: FeatureSplit, test: FeatureSplit, plan: ProbePlan
) -> Iterator[ProbeResult]:
    """Probe by every method, and by each of them every pooling."""
    settings, extractor = plan.settings, plan.extractor
    device, num_classes = extractor.runtime.device, len(plan.data.classes)
    pooled = {
        pooling: pool_split(train, test, pooling, device)
        for pooling in POOLINGS
        if pooling in settings.poolings and pools(settings)
    }
    for method in METHODS:
        if method not in settings.methods:
            continue
        if method == "attentive":
            _logger.info("probing  attentive")
            tokens = train.token_features(device), test.token_features(device)
            num_heads = extractor.frozen.encoder.config.shape.num_heads
            yield probe_attentive(
                *tokens, num_classes, num_heads, settings, partial(_save_attentive, plan)
            )
            continue
        for pooling, splits in pooled.items():
            _logger.info(f"probing  {method}, {pooling}")
            yield _POOLED_PROBES[method](*splits, num_classes, settings)


def _save_attentive(plan: ProbePlan, probe: AttentiveProbe) -> None:
    """Write the probe of the weights, if asked; that of fresh weights is of no use."""
    path, extractor = plan.settings.save_attentive, plan.extractor
    if path is not None and not plan.is_baseline:
        grid = extractor.kept.grid or extractor.frozen.encoder.cubes.grid
        save_attentive_probe(path, probe, extractor.frozen, grid)
        _logger.info(f"wrote    {path}")


def _find_duplicates(train: FeatureSplit, test: FeatureSplit, plan: ProbePlan) -> str | None:
    """Name videos that are on both sides, if any are found."""
    manifests, settings = [manifest for _, manifest, _ in plan.lists], plan.settings
    return describe_duplicates(
        list_side(manifests[:1], [train.rows]),
        list_side(manifests[-1:], [test.rows]),
        plan.find_duplicates,
        settings.reading,
        num_workers=resolve_num_workers(settings.reading.num_workers, plan.extractor.runtime),
        channels=plan.extractor.frozen.encoder.config.channels,
    )


def _probe_baselines(results: Sequence[ProbeResult], plan: ProbePlan) -> Iterator[BaselineResult]:
    """Probe what stands beside the weights, on the same videos."""
    settings, extractor = plan.settings, plan.extractor
    if "random" in settings.baselines:
        _logger.info("probing  fresh weights of the same architecture")
        random = replace(plan, extractor=randomize(extractor, settings.seed), is_baseline=True)
        train, test, _ = extract_train_test(
            random.extractor, plan.data, plan.lists, skip_unreadable=plan.skip_unreadable
        )
        for probed, result in zip(results, _probe_methods(train, test, random), strict=True):
            yield compare_with_baseline("random", result, probed)
    if "pixels" in settings.baselines:
        _logger.info("probing  pixels")
        pixels = PixelExtractor(
            runtime=extractor.runtime, cache_dir=extractor.cache_dir, reading=extractor.reading
        )
        train, test, _ = extract_train_test(
            pixels, plan.data, plan.lists, skip_unreadable=plan.skip_unreadable
        )
        best = max(results, key=lambda result: result.val_accuracy)
        device, num_classes = extractor.runtime.device, len(plan.data.classes)
        for result in probe_pixels(train, test, num_classes, settings, device):
            yield compare_with_baseline("pixels", result, best)
