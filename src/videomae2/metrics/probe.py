"""What a probe found out, and how sure it is."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from videomae2.metrics.bootstrap import (
    Comparison,
    Interval,
    accuracy_interval,
    compare_by_video,
)
from videomae2.metrics.classification import mean_class_accuracy, top_k_hits

Params = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One setting of a method."""

    params: Params
    val_accuracy: float
    """Accuracy on training videos that were held out."""
    test_accuracy: float | None = None
    """Accuracy on the test videos, where it comes for free; nothing is chosen by it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeResult:
    """What a method reaches with the setting that the training videos chose."""

    method: str
    pooling: str
    """Which features of a video it saw."""
    best_params: Params
    val_accuracy: float
    accuracy: Interval
    """Top-1 on the test videos."""
    top5_accuracy: float
    mean_class_accuracy: float
    """Mean of the accuracies of the classes that have test videos."""
    trials: tuple[Trial, ...]
    remarks: tuple[str, ...] = ()
    hits: tuple[bool, ...] = ()
    """Whether each test video was told rightly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineResult:
    """What the same probe reaches without what the weights have learnt."""

    baseline: str
    result: ProbeResult
    compared_method: str
    compared_pooling: str
    """The probe of the weights that it is held against."""
    comparison: Comparison
    """The weights minus the baseline, on the same test videos."""


def compare_with_baseline(
    baseline: str, result: ProbeResult, probed: ProbeResult
) -> BaselineResult:
    """Hold a probe of the weights against one of a baseline, test video by test video."""
    values, others = (
        dict[Hashable, float](enumerate(map(float, each.hits))) for each in (probed, result)
    )
    return BaselineResult(
        baseline=baseline,
        result=result,
        compared_method=probed.method,
        compared_pooling=probed.pooling,
        comparison=compare_by_video(values, others),
    )


def compute_result(
    method: str,
    pooling: str,
    scores: Float[np.ndarray, "videos classes"],
    labels: Int[np.ndarray, " videos"],
    *,
    best: Trial,
    trials: list[Trial],
    notes: list[str],
) -> ProbeResult:
    """Measure the scores of the test videos."""
    hits = top_k_hits(scores, labels, k=1)
    return ProbeResult(
        method=method,
        pooling=pooling,
        best_params=best.params,
        val_accuracy=best.val_accuracy,
        accuracy=accuracy_interval(hits),
        top5_accuracy=float(top_k_hits(scores, labels, k=5).mean()),
        mean_class_accuracy=mean_class_accuracy(scores, labels),
        trials=tuple(trials),
        remarks=tuple(notes),
        hits=tuple(bool(hit) for hit in hits),
    )


def select_best(trials: list[Trial]) -> Trial:
    """The setting of the best validation; the first of equals."""
    return max(trials, key=lambda trial: trial.val_accuracy)
