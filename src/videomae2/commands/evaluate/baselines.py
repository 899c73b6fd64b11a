"""What ridge on fresh weights or on pixels reaches beside a classifier, from the same training.

Axes: videos.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from videomae2.base.files import path_exists
from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.commands.evaluate.dataset import EvalDataset
from videomae2.commands.probe.baselines import PixelExtractor, probe_pixels, randomize
from videomae2.commands.probe.config import ProbeSettings, default_cache_dir
from videomae2.commands.probe.features import (
    Extractor,
    FeatureList,
    FeatureSplit,
    extract_train_test,
)
from videomae2.commands.probe.knn_linear import probe_ridge
from videomae2.commands.probe.poolings import pool_split
from videomae2.commands.train.datasets import load_train_val_data
from videomae2.commands.train.run_folder import RUN_FILE
from videomae2.config.files import load_config
from videomae2.config.runs import FinetuneRun
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.manifests.read import ListConfig
from videomae2.data.splits.overlap import describe_entry, find_overlap
from videomae2.data.splits.units import with_units
from videomae2.data.views.requests import ViewSpec
from videomae2.errors import ConfigError, DataError
from videomae2.inference.features.cache import FeatureExtractor, KeptFeatures
from videomae2.inference.probe_data import ProbeData
from videomae2.inference.views import bind_views
from videomae2.metrics.bootstrap import compare_by_video
from videomae2.metrics.probe import ProbeResult
from videomae2.models.weights.frozen_encoder import load_frozen_encoder
from videomae2.models.weights.model_ref import ClassifierRef
from videomae2.reports.evaluation_result import BaselineRow, VideoResult
from videomae2.training.runtime import Runtime

_MAX_FOLDS = ProbeSettings().folds
_NAMES = {"random": "fresh weights", "plain": "pixels", "minus mean": "pixels minus their mean"}


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselinePlan:
    """What baselines learn from, and how their features are made."""

    extractor: FeatureExtractor
    """Of fresh weights."""
    data: ProbeData
    lists: list[FeatureList]
    settings: ProbeSettings

    @property
    def description(self) -> str:
        """What stands beside the model, in words."""
        names, train = " and ".join(self.settings.baselines), self.data.train
        return f"{names}, ridge on {len(train)} training videos ({train.source})"


def prepare_baselines(
    ref: ClassifierRef,
    dataset: EvalDataset,
    views: ViewSpec,
    config: EvaluateConfig,
    runtime: Runtime,
) -> BaselinePlan | None:
    """Find the training videos and build fresh weights, without reading a video; None if not asked.

    Raises:
        ConfigError: There is no accuracy, not all outputs are used, or nobody says what was
            trained on.
        DataError: Training and evaluation share videos, or their lists are wrong.
        CheckpointError: The encoder cannot be read.
    """
    if not config.baselines:
        return None
    if dataset.truth.task_type != "multiclass":
        raise ConfigError("--baselines has no effect where no single class is right; leave it out")
    if ref.head_index is not None:
        raise ConfigError("--baselines has no effect with --classes; leave one of them out")
    train = with_units(_load_training(ref, dataset, config))
    if overlap := find_overlap(train, dataset.manifest):
        raise DataError(
            f"{len(overlap)} of the videos are also training videos, such as "
            f"{describe_entry(overlap[0])}; baselines would know them, and so does the model"
        )
    num_units = len(train) if train.groups is None else len(set(train.groups))
    frozen = load_frozen_encoder(ref.path, frames=config.frames, side=config.side)
    clip_views = replace(views, crops=1)
    extractor = FeatureExtractor(
        frozen=frozen.to(runtime.device),
        runtime=runtime,
        clips=views.clips,
        batch_size=config.batch_size,
        kept=KeptFeatures(slots=True),
        cache_dir=default_cache_dir(),
        reading=config.reading,
    )
    return BaselinePlan(
        extractor=randomize(extractor, config.seed),
        data=ProbeData(
            train=train,
            test=dataset.manifest,
            classes=tuple(dataset.classes),
            train_rows=np.arange(len(train)),
            test_rows=np.arange(len(dataset.manifest)),
            test_description=dataset.manifest.source,
        ),
        lists=[
            ("train", train, bind_views(clip_views, train)),
            ("test", dataset.manifest, clip_views),
        ],
        settings=ProbeSettings(
            methods=("ridge",),
            baselines=config.baselines,
            folds=min(_MAX_FOLDS, num_units),
            seed=config.seed,
        ),
    )


def _load_training(ref: ClassifierRef, dataset: EvalDataset, config: EvaluateConfig) -> Manifest:
    """The videos that the run learnt from, or those that are named, with the model's classes."""
    if config.baseline_train is not None:
        return ListConfig(filter=config.baseline_filter, bits=ref.config.bits).read(
            config.baseline_train, labels="required", class_names=dataset.classes
        )
    if ref.run is None or not path_exists(ref.run / RUN_FILE):
        raise ConfigError(
            f"--baselines wants the training videos, and {ref.path} belongs to no run that says "
            "them; give --baseline-train"
        )
    data = load_train_val_data(load_config(FinetuneRun, ref.run / RUN_FILE)).train
    if len(data.manifests) > 1 or tuple(data.class_names) != tuple(dataset.classes):
        raise ConfigError(
            f"--baselines wants one list of the model's classes, and {ref.run / RUN_FILE} has "
            f"{len(data.manifests)} sources of {len(data.class_names)} classes; give "
            "--baseline-train"
        )
    return replace(data.manifests[0], labels=data.targets[0].astype(np.int32))


def run_baselines(
    plan: BaselinePlan | None, videos: Sequence[VideoResult], rows: Sequence[int]
) -> Iterator[BaselineRow]:
    """Probe them, and hold the model against each, on the videos that both could read.

    ``rows`` are those of the list that the model's results are of.

    Raises:
        DataError: Too few training videos can be read.
        Interrupted: When asked to stop; features that are there stay.
    """
    if plan is None:
        return
    hits = {rows[video.row]: float(video.is_correct) for video in videos}
    extractor, settings = plan.extractor, plan.settings
    if "random" in settings.baselines:
        train, test = _extract(extractor, plan)
        splits = pool_split(train, test, "slots", extractor.runtime.device)
        result = probe_ridge(*splits, len(plan.data.classes), settings)
        yield _compare("random", result, test, hits)
    if "pixels" in settings.baselines:
        pixels = PixelExtractor(
            runtime=extractor.runtime, cache_dir=extractor.cache_dir, reading=extractor.reading
        )
        train, test = _extract(pixels, plan)
        device, num_classes = extractor.runtime.device, len(plan.data.classes)
        for result in probe_pixels(train, test, num_classes, settings, device):
            yield _compare(result.pooling, result, test, hits)


def _extract(extractor: Extractor, plan: BaselinePlan) -> tuple[FeatureSplit, FeatureSplit]:
    train, test, _ = extract_train_test(extractor, plan.data, plan.lists, skip_unreadable=True)
    return train, test


def _compare(
    name: str, result: ProbeResult, test: FeatureSplit, hits: dict[int, float]
) -> BaselineRow:
    found = dict(zip(test.rows.tolist(), map(float, result.hits), strict=True))
    common = [row for row in found if row in hits]
    return BaselineRow(
        name=_NAMES[name],
        accuracy=result.accuracy,
        difference=compare_by_video(
            {row: hits[row] for row in common}, {row: found[row] for row in common}
        ).difference,
        num_videos=len(common),
    )
