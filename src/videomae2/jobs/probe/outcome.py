"""What a probe found out, and how sure it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from videomae2.tensors.accuracy import mean_class_accuracy, top_k_hits
from videomae2.tensors.intervals import Interval, bootstrap_mean, wilson

Setting = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """One setting of a method."""

    setting: Setting
    validation: float
    """Accuracy on training videos that were held out."""
    test: float | None = None
    """Accuracy on the test videos, where it comes for free; nothing is chosen by it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a method reaches with the setting that the training videos chose."""

    method: str
    chosen: Setting
    validation: float
    accuracy: Interval
    """Top-1 on the test videos."""
    top_5: float
    mean_class: float
    """Mean of the accuracies of the classes that have test videos."""
    tried: tuple[Tried, ...]
    notes: tuple[str, ...] = field(default=())


def outcome(
    method: str,
    scores: Float[np.ndarray, "videos classes"],
    labels: Int[np.ndarray, " videos"],
    *,
    best: Tried,
    tried: list[Tried],
    notes: list[str],
) -> Outcome:
    """Measure the scores of the test videos."""
    return Outcome(
        method=method,
        chosen=best.setting,
        validation=best.validation,
        accuracy=accuracy_interval(top_k_hits(scores, labels, k=1)),
        top_5=float(top_k_hits(scores, labels, k=5).mean()),
        mean_class=mean_class_accuracy(scores, labels),
        tried=tuple(tried),
        notes=tuple(notes),
    )


def accuracy_interval(hits: Float[np.ndarray, " videos"]) -> Interval:
    """Give a bootstrap interval over videos, or Wilson's where all are hits or none is.

    A bootstrap of nothing but hits would claim to be certain.
    """
    if hits.min() == hits.max() and hits[0] in (0.0, 1.0):
        return wilson(float(hits.sum()), len(hits))
    return bootstrap_mean(hits)


def best_of(tried: list[Tried]) -> Tried:
    """The setting of the best validation; the first of equals."""
    return max(tried, key=lambda one: one.validation)
