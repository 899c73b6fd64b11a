"""What a probe found out, and how sure it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from videomae2.metrics.bootstrap import Interval, accuracy_interval
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
    best_params: Params
    val_accuracy: float
    accuracy: Interval
    """Top-1 on the test videos."""
    top5_accuracy: float
    mean_class_accuracy: float
    """Mean of the accuracies of the classes that have test videos."""
    trials: tuple[Trial, ...]
    remarks: tuple[str, ...] = ()


def compute_result(
    method: str,
    scores: Float[np.ndarray, "videos classes"],
    labels: Int[np.ndarray, " videos"],
    *,
    best: Trial,
    trials: list[Trial],
    notes: list[str],
) -> ProbeResult:
    """Measure the scores of the test videos."""
    return ProbeResult(
        method=method,
        best_params=best.params,
        val_accuracy=best.val_accuracy,
        accuracy=accuracy_interval(top_k_hits(scores, labels, k=1)),
        top5_accuracy=float(top_k_hits(scores, labels, k=5).mean()),
        mean_class_accuracy=mean_class_accuracy(scores, labels),
        trials=tuple(trials),
        remarks=tuple(notes),
    )


def select_best(trials: list[Trial]) -> Trial:
    """The setting of the best validation; the first of equals."""
    return max(trials, key=lambda trial: trial.val_accuracy)
