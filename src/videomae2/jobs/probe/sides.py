"""Training and test videos of a probe with their features; what cannot be read, said or refused."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int64

from videomae2.data.manifest import Manifest
from videomae2.data.view_reading import ViewSpec
from videomae2.errors import DataError
from videomae2.jobs.probe.attend import TokenFeatures
from videomae2.jobs.probe.features import FeatureExtractor, Features
from videomae2.jobs.probe.lists import ProbeData
from videomae2.jobs.probe.pooled import SplitFeatures
from videomae2.jobs.probe.spans import build_view_spec
from videomae2.models.cards import FrameSampling

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
    sampling: FrameSampling,
    *,
    frame_rate: float | None,
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
    for name, manifest, shape in list_view_specs(extractor, data, sampling, frame_rate=frame_rate):
        features = extractor.extract(manifest, shape, name)
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
    extractor: FeatureExtractor, data: ProbeData, sampling: FrameSampling, *, frame_rate: float | None
) -> list[tuple[str, Manifest, ViewSpec]]:
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
        f"{len(unreadable)} videos cannot be read, for example {examples}; the same command tries them "
        f"again (--timeout-seconds and --memory-limit-gib allow more); else mend them, take them out of "
        f"the list, or report without them with --skip-unreadable"
    )


def _check_enough_videos(train: FeatureSplit, test: FeatureSplit) -> None:
    classes = len(np.unique(train.labels))
    if len(test.rows) == 0 or classes < 2:
        raise DataError(
            f"{len(train.rows)} training videos of {classes} classes and {len(test.rows)} test "
            f"videos can be read, too few to probe"
        )
