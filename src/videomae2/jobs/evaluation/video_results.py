"""What was said of each video, the hardest first, whatever the outputs mean.

Axes: videos; outputs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64

from videomae2.jobs.evaluation.results import VideoResult
from videomae2.models.cards import TaskType
from videomae2.tensors import accuracy


@dataclass(frozen=True, slots=True, eq=False)
class GroundTruth:
    """The right answers of the videos that were scored."""

    task_type: TaskType
    classes: Sequence[str]
    identities: Sequence[str]
    labels: Int64[np.ndarray, " labelled"]
    """Where one class is right; else empty."""
    targets: Float64[np.ndarray, "answered outputs"]
    """Where any number of classes, or numbers, are; else empty."""

    def select(self, rows: Sequence[int]) -> "GroundTruth":
        """Those of some of the videos."""
        return replace(
            self,
            identities=[self.identities[row] for row in rows],
            labels=self.labels[list(rows)] if len(self.labels) else self.labels,
            targets=self.targets[list(rows)] if len(self.targets) else self.targets,
        )


def rank_videos(outputs: Float64[np.ndarray, "videos outputs"], ground_truth: GroundTruth) -> Iterator[VideoResult]:
    """What was said of each video.

    Args:
        outputs: The answers, with the mean over all views taken.
        ground_truth: The right ones.
    """
    rankers = {
        "multiclass": rank_multiclass,
        "multilabel": rank_multilabel,
        "numbers": rank_regression,
    }
    return rankers[ground_truth.task_type](outputs, ground_truth)


def rank_multiclass(
    outputs: Float64[np.ndarray, "videos outputs"], ground_truth: GroundTruth
) -> Iterator[VideoResult]:
    """Those first whose right class got the least probability."""
    predicted = accuracy.predict_classes(outputs)
    for row in accuracy.hardest_samples(outputs, ground_truth.labels).tolist():
        label, best = int(ground_truth.labels[row]), int(predicted[row])
        yield VideoResult(
            video=ground_truth.identities[row],
            row=row,
            truth=ground_truth.classes[label],
            predicted=ground_truth.classes[best],
            truth_score=float(outputs[row, label]),
            predicted_score=float(outputs[row, best]),
            is_correct=label == best,
        )


def rank_multilabel(
    outputs: Float64[np.ndarray, "videos outputs"], ground_truth: GroundTruth
) -> Iterator[VideoResult]:
    """Those first whose labels as a whole got the least probability."""
    positive = ground_truth.targets > 0.5
    label_probabilities = np.where(positive, outputs, 1 - outputs)
    geometric_means = np.exp(np.log(np.maximum(label_probabilities, 1e-12)).mean(axis=1))
    for row in np.argsort(geometric_means, kind="stable").tolist():
        predicted = outputs[row] > 0.5
        yield VideoResult(
            video=ground_truth.identities[row],
            row=row,
            truth=_format_labels(ground_truth.classes, positive[row]),
            predicted=_format_labels(ground_truth.classes, predicted),
            truth_score=float(geometric_means[row]),
            predicted_score=float(outputs[row].max()),
            is_correct=bool((predicted == positive[row]).all()),
        )


def rank_regression(
    outputs: Float64[np.ndarray, "videos outputs"], ground_truth: GroundTruth
) -> Iterator[VideoResult]:
    """The worst first; the half that is better than the median counts as right."""
    mean_errors = np.abs(outputs - ground_truth.targets).mean(axis=1)
    median_error = np.median(mean_errors)
    for row in np.argsort(-mean_errors, kind="stable").tolist():
        yield VideoResult(
            video=ground_truth.identities[row],
            row=row,
            truth=_format_numbers(ground_truth.targets[row]),
            predicted=_format_numbers(outputs[row]),
            truth_score=float(mean_errors[row]),
            predicted_score=float("nan"),
            is_correct=bool(mean_errors[row] < median_error),
        )


def _format_labels(names: Sequence[str], mask: np.ndarray) -> str:
    return ", ".join(names[i] for i in np.flatnonzero(mask).tolist()) or "none"


def _format_numbers(values: np.ndarray) -> str:
    text = ", ".join(f"{value:.4g}" for value in values[:4])
    return text + (", …" if len(values) > 4 else "")
