"""The features of training and test videos: which clips, and what cannot be read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64

from videomae2.commands.probe.attentive import TokenFeatures
from videomae2.commands.probe.config import ProbeClipConfig
from videomae2.commands.probe.knn_linear import SplitFeatures
from videomae2.commands.train.run_folder import RUN_FILE
from videomae2.config.files import load_config
from videomae2.config.runs import PretrainRun
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.views.requests import ViewSpec
from videomae2.errors import ConfigError, DataError
from videomae2.inference.encoding import build_view_spec
from videomae2.inference.features import FeatureExtractor, Features
from videomae2.inference.probe_data import ProbeData
from videomae2.models.weights.config_json import (
    FrameSampling,
    SavedAutoencoderConfig,
    load_model_config,
)
from videomae2.models.weights.frozen_encoder import FrozenEncoder


def resolve_sampling(frozen: FrozenEncoder, clip_config: ProbeClipConfig) -> FrameSampling:
    """Choose the span: what is asked goes before what the weights were trained with.

    Raises:
        ConfigError: A choice has no effect or cannot work, or the sources of the run differ.
    """
    if clip_config.clips < 1:
        raise ConfigError(f"--clips is {clip_config.clips}, wanted 1 or more")
    if clip_config.interval_unit is not None and clip_config.frame_interval is None:
        raise ConfigError(
            f"--interval-unit {clip_config.interval_unit} has no effect without a --frame-interval"
        )
    sampling = FrameSampling(kind=clip_config.frame_sampling or "strided")
    if clip_config.frame_interval is not None:
        sampling = replace(
            sampling,
            frame_interval=clip_config.frame_interval,
            interval_unit=clip_config.interval_unit or "frames",
        )
    elif clip_config.frame_sampling != "tsn":
        sampling = frozen.frame_sampling or _load_run_sampling(frozen.path) or sampling
        sampling = (
            sampling
            if clip_config.frame_sampling is None
            else replace(sampling, kind=clip_config.frame_sampling)
        )
    if sampling.kind == "tsn" and clip_config.frame_interval is not None:
        raise ConfigError("--frame-interval has no effect on tsn clips; leave it out")
    if not sampling.frame_interval > 0 or (
        sampling.interval_unit == "frames" and sampling.frame_interval % 1
    ):
        raise ConfigError(
            f"--frame-interval {sampling.frame_interval:g} {sampling.interval_unit} cannot work; "
            f"wanted a number above 0, and a whole one of frames"
        )
    return sampling


def _load_run_sampling(model: Path) -> FrameSampling | None:
    """What pre-training took, going by the configuration in its run folder."""
    run = model.parent.parent / RUN_FILE
    if model.parent.name != "checkpoints" or not run.exists():
        return None
    if not isinstance(load_model_config(model), SavedAutoencoderConfig):
        return None
    sources = load_config(PretrainRun, run).data.sources
    samplings = {
        FrameSampling(frame_interval=one.frame_interval, interval_unit=one.interval_unit)
        for one in sources
    }
    if len(samplings) > 1:
        intervals = ", ".join(
            f"{one.display_name}: {one.frame_interval:g} {one.interval_unit}" for one in sources
        )
        raise ConfigError(
            f"the sources of {run} have different frame intervals ({intervals}); give "
            "--frame-interval"
        )
    return samplings.pop()


FeatureList = tuple[str, Manifest, ViewSpec]
"""What a list is called, its videos, and the clips that are taken of them."""


_MAX_SHOWN = 3


@dataclass(frozen=True, slots=True)
class FeatureSplit:
    """The readable videos of one part."""

    features: Features
    rows: Int64[np.ndarray, " rows"]
    """Of the list."""
    labels: Int64[np.ndarray, " rows"]

    def pooled_features(self, device: torch.device) -> SplitFeatures:
        """Their pooled features, on a device."""
        pooled = np.ascontiguousarray(self.features.pooled[self.rows])
        return SplitFeatures(torch.from_numpy(pooled).to(device), self.labels)

    def token_features(self) -> TokenFeatures:
        """Their tokens, on the disk."""
        assert self.features.tokens is not None
        return TokenFeatures(self.features.tokens, self.rows, self.labels)


def extract_train_test(
    extractor: FeatureExtractor,
    data: ProbeData,
    lists: Sequence[FeatureList],
    *,
    skip_unreadable: bool,
) -> tuple[FeatureSplit, FeatureSplit, dict[str, str]]:
    """Extract the features of both parts.

    Returns:
        Training videos, test videos, and why those that are left out cannot be read, by path.

    Raises:
        DataError: A video cannot be read and none may be left out, or too few are left.
        ConfigError: Clips cannot be taken, or features cannot be kept.
    """
    extracted: list[Features] = []
    unreadable: dict[str, str] = {}
    for name, manifest, view_spec in lists:
        features = extractor.extract(manifest, view_spec, name)
        unreadable |= {manifest[row].path: reason for row, reason in features.unreadable.items()}
        extracted.append(features)
    train_features, test_features = extracted[0], extracted[-1]
    test = data.train if data.test is None else data.test
    if unreadable and not skip_unreadable:
        raise DataError(_format_unreadable(unreadable))
    train_side = _select_readable(train_features, data.train_rows, data.train.labels)
    test_side = _select_readable(test_features, data.test_rows, test.labels)
    _check_enough_videos(train_side, test_side)
    return train_side, test_side, unreadable


def list_view_specs(
    extractor: FeatureExtractor,
    data: ProbeData,
    sampling: FrameSampling,
    *,
    frame_rate: float | None,
) -> list[FeatureList]:
    """The lists by name, one or two, and the clips that are taken of them.

    Raises:
        ConfigError: Clips cannot be taken.
    """
    lists = {"videos": data.train}
    if data.test is not None:
        lists = {"train": data.train, "test": data.test}

    def make_view_spec(manifest: Manifest) -> ViewSpec:
        return build_view_spec(
            extractor.frozen.encoder.cubes,
            sampling,
            manifest,
            clips=extractor.clips,
            frame_rate=frame_rate,
            reading=extractor.reading,
        )

    return [(name, one, make_view_spec(one)) for name, one in lists.items()]


def _select_readable(features: Features, rows: np.ndarray, labels: np.ndarray) -> FeatureSplit:
    readable_rows = rows[features.is_read[rows]].astype(np.int64)
    return FeatureSplit(features, readable_rows, labels[readable_rows].astype(np.int64))


def _format_unreadable(unreadable: dict[str, str]) -> str:
    examples = "; ".join(f"{path}: {why}" for path, why in list(unreadable.items())[:_MAX_SHOWN])
    return (
        f"{len(unreadable)} videos cannot be read, for example {examples}; the same command tries "
        "them again (--timeout-seconds and --memory-limit-gib allow more); else mend them, take "
        f"them out of the list, or report without them with --skip-unreadable"
    )


def _check_enough_videos(train: FeatureSplit, test: FeatureSplit) -> None:
    classes = len(np.unique(train.labels))
    if len(test.rows) == 0 or classes < 2:
        raise DataError(
            f"{len(train.rows)} training videos of {classes} classes and {len(test.rows)} test "
            f"videos can be read, too few to probe"
        )
