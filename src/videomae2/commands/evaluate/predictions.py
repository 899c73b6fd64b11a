"""Scores of views → the prediction for each video, and the videos ranked, the hardest first.

Axes: videos; views = clips x crops; outputs; parts = ways to take some clips and some crops; kept =
numbers kept of a video and a part.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64, Int64

from videomae2.data.views.requests import ViewSpec
from videomae2.inference.scorer import ViewScores
from videomae2.metrics import classification
from videomae2.metrics.classification import choose_evenly, compute_probabilities
from videomae2.metrics.results import VideoResult
from videomae2.models.task_type import TaskType


@dataclass(frozen=True, slots=True, eq=False)
class MergedViews:
    """Answers of videos."""

    outputs: Float64[np.ndarray, "videos outputs"]
    """Mean of the probabilities (or numbers) of all views."""
    view_subsets: tuple[tuple[int, int], ...]
    """(clips, crops) of each part; the last is all of them."""
    subset_metrics: Float32[np.ndarray, "parts videos kept"]
    """What `metric_fn` kept of the same mean over the views of each part."""


MetricFn = Callable[[Float64[np.ndarray, "parts outputs"], int], Float64[np.ndarray, "parts kept"]]
"""Takes the answers of a video by parts of its views, and its row; gives what is worth keeping."""


def merge_views(
    scores: Iterable[ViewScores],
    views: ViewSpec,
    task_type: TaskType,
    *,
    metric_fn: MetricFn,
) -> MergedViews:
    """Average the views of every video; the views of one video are in memory at a time.

    Args:
        scores: Of every video, before softmax or sigmoid.
        views: What the views are.
        task_type: What the outputs mean.
        metric_fn: Keeps little of each part, for of many classes and videos all would be too much.

    Source: engine_for_finetuning.py of the released code: softmax of each view, then the mean.
    """
    view_subsets = list_view_subsets(views)
    merged: list[np.ndarray] = []
    subset_metrics: list[np.ndarray] = []
    for row, view_scores in enumerate(scores):
        outputs = view_scores.astype(np.float64)
        if task_type != "regression":
            outputs = compute_probabilities(view_scores, task_type)
        merged.append(outputs.mean(axis=0))
        cube = outputs.reshape(views.clips, views.crops, -1)
        subset_means = [_average_subset(cube, clips, crops) for clips, crops in view_subsets]
        subset_metrics.append(metric_fn(np.stack(subset_means), row).astype(np.float32))
    return MergedViews(np.stack(merged), view_subsets, np.stack(subset_metrics, axis=1))


def _average_subset(
    cube: Float64[np.ndarray, "clips crops outputs"], clips: int, crops: int
) -> Float64[np.ndarray, " outputs"]:
    selected = cube[choose_evenly(cube.shape[0], clips)][:, choose_evenly(cube.shape[1], crops)]
    mean: Float64[np.ndarray, " outputs"] = selected.mean(axis=(0, 1))
    return mean


def list_view_subsets(views: ViewSpec, max_per_axis: int = 6) -> tuple[tuple[int, int], ...]:
    """(clips, crops) for 1 … all of both; of many, a few spread evenly, all of them included."""
    clips, crops = (_spread_counts(count, max_per_axis) for count in (views.clips, views.crops))
    return tuple((one, other) for one in clips for other in crops)


def _spread_counts(count: int, max_counts: int) -> list[int]:
    if count <= max_counts:
        return list(range(1, count + 1))
    return sorted({round(1 + i * (count - 1) / (max_counts - 1)) for i in range(max_counts)})


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


def rank_videos(
    outputs: Float64[np.ndarray, "videos outputs"], ground_truth: GroundTruth
) -> Iterator[VideoResult]:
    """What was said of each video.

    Args:
        outputs: The answers, with the mean over all views taken.
        ground_truth: The right ones.
    """
    rankers = {
        "multiclass": rank_multiclass,
        "multilabel": rank_multilabel,
        "regression": rank_regression,
    }
    return rankers[ground_truth.task_type](outputs, ground_truth)


def rank_multiclass(
    outputs: Float64[np.ndarray, "videos outputs"], ground_truth: GroundTruth
) -> Iterator[VideoResult]:
    """Those first whose right class got the least probability."""
    predicted = classification.predict_classes(outputs)
    for row in classification.hardest_samples(outputs, ground_truth.labels).tolist():
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
