"""Features of training and test videos, and the folds on which probes of them are chosen.

Axes: videos; kinds = without and with the closing norm, or one alone; dim; classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from videomae2.errors import ConfigError
from videomae2.metrics.classification import top_k_hits
from videomae2.metrics.folds import assign_folds
from videomae2.metrics.linear_probe import FeatureScaler

BOTH_KINDS = ("plain", "normed")
_MAX_VIDEOS_ALL_FOLDS = 20_000  # more training videos than this hold out the first fold only
ScoresByParams = dict[tuple[str, ...], Float[np.ndarray, "videos classes"]]


@dataclass(frozen=True, slots=True)
class SplitFeatures:
    """Training or test videos."""

    features: Float[Tensor, "videos kinds dim"]
    labels: Int[np.ndarray, " videos"]
    kinds: tuple[str, ...] = BOTH_KINDS
    """What the kinds of features are called, in their order."""
    pooling: str = "mean"
    """Which features of a video they are."""
    is_scaled: bool = False
    """Every number has deviation 1 over the training videos, or stands for many that have."""
    groups: tuple[str, ...] | None = None
    """What each belongs to and must not be parted from; None where nothing says it."""

    def select(self, rows: np.ndarray, kinds: Sequence[int] | None = None) -> "SplitFeatures":
        """Some of the videos, and of their kinds."""
        numbers = range(len(self.kinds)) if kinds is None else kinds
        return SplitFeatures(
            self.features[torch.from_numpy(rows)][:, list(numbers)],
            self.labels[rows],
            tuple(self.kinds[number] for number in numbers),
            self.pooling,
            self.is_scaled,
        )

    def fit_scaler(self, kind: int) -> FeatureScaler:
        """What brings the features of a kind to mean 0, and to deviation 1 if they are not."""
        scaler = FeatureScaler.fit(self.features[:, kind])
        if not self.is_scaled:
            return scaler
        return FeatureScaler(scaler.mean, torch.ones_like(scaler.std))


def cv_splits(
    labels: Int[np.ndarray, " videos"],
    count: int,
    seed: int,
    groups: Sequence[str] | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Give (rows to train on, rows to choose by), once for each fold; groups are not parted.

    Raises:
        ConfigError: There are fewer than 2 folds, or fewer videos or groups than folds.
    """
    num_units = len(labels) if groups is None else len(set(groups))
    if count < 2 or count > num_units:
        units = "training videos" if groups is None else "groups of the training videos"
        raise ConfigError(f"--folds is {count}, wanted 2 up to {num_units}, the number of {units}")
    fold = assign_folds(labels, count, seed=seed, groups=groups)
    num_used = count if len(labels) <= _MAX_VIDEOS_ALL_FOLDS else 1
    splits = [(np.flatnonzero(fold != n), np.flatnonzero(fold == n)) for n in range(num_used)]
    return [split for split in splits if len(split[0]) and len(split[1])]


def cross_validate(
    train: SplitFeatures,
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
    scores: Callable[[SplitFeatures, SplitFeatures], ScoresByParams],
) -> dict[tuple[str, ...], float]:
    """The accuracy of every setting over all training videos that were held out."""
    hits: dict[tuple[str, ...], list[np.ndarray]] = {}
    for rows, val_rows in splits:
        fit_split, val_split = train.select(rows), train.select(val_rows)
        for setting, found in scores(fit_split, val_split).items():
            hits.setdefault(setting, []).append(top_k_hits(found, val_split.labels, k=1))
    return {setting: float(np.concatenate(found).mean()) for setting, found in hits.items()}
