"""The metrics of each type of task, and what was said of every video, the hardest first.

Axes: videos; outputs = classes, labels or numbers; parts = ways to take some clips and some crops;
kept = numbers kept of a video and a part.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from videomae2.commands.evaluate.dataset import GroundTruth
from videomae2.metrics import classification
from videomae2.metrics.bootstrap import (
    Bootstrap,
    Interval,
    accuracy_interval,
    bootstrap,
    bootstrap_mean,
    widen_if_certain,
    wilson_interval,
)
from videomae2.metrics.calibration import compute_calibration
from videomae2.metrics.regression import compute_regression_intervals
from videomae2.models.task_type import TaskType
from videomae2.reports.evaluation_result import EvalMetrics, OutputResult, VideoResult

VideoOutputs = Float64[np.ndarray, "videos outputs"]
PartOutputs = Float64[np.ndarray, "parts outputs"]
Result = tuple[EvalMetrics, Sequence[float]]
"""All but the comparison of views, and the main number of each part of them."""
_TOP_K = 5
_NO_INTERVAL = Interval(math.nan, math.nan, math.nan)


# ---- one class is right


def _keep_hits(truth: GroundTruth, outputs: PartOutputs, row: int) -> np.ndarray:
    labels = np.full(len(outputs), truth.labels[row])
    return classification.top_k_hits(outputs, labels, k=1)[:, None]


def _compute_multiclass(
    outputs: VideoOutputs, kept: Float32[np.ndarray, "parts videos kept"],
    truth: GroundTruth, resampling: Bootstrap,
) -> Result:  # fmt: skip
    labels, num_classes = truth.labels, outputs.shape[1]
    hits = classification.top_k_hits(outputs, labels, k=1)

    def compute_mean_class(rows: np.ndarray) -> float:
        per_class = classification.per_class_mean(hits[rows], labels[rows], num_classes)
        return float(np.nanmean(per_class))

    values = {"top-1 accuracy": accuracy_interval(hits, resampling)}
    if num_classes > _TOP_K:
        top_k_hits = classification.top_k_hits(outputs, labels, k=_TOP_K)
        values[f"top-{_TOP_K} accuracy"] = accuracy_interval(top_k_hits, resampling)
    mean_class = bootstrap(compute_mean_class, len(labels), resampling)
    values["mean-class accuracy"] = widen_if_certain(mean_class, hits)
    confusion = classification.confusion_matrix(outputs, labels)
    predicted, classes = classification.predict_classes(outputs), truth.classes
    order = classification.hardest_samples(outputs, labels)
    rows = np.arange(len(labels))
    metrics = EvalMetrics(
        values=values,
        outputs=tuple(_build_class_results(classes, confusion)),
        confusion=confusion,
        calibration=compute_calibration(outputs, labels, len(labels), resampling),
        videos=_build_video_results(
            truth,
            order,
            truth_names=[classes[label] for label in labels],
            predicted_names=[classes[label] for label in predicted],
            truth_scores=outputs[rows, labels],
            predicted_scores=outputs[rows, predicted],
            is_correct=predicted == labels,
        ),
    )
    return metrics, kept.mean(axis=(1, 2)).tolist()


def _build_class_results(classes: Sequence[str], confusion: np.ndarray) -> list[OutputResult]:
    results = []
    for label, name in enumerate(classes):
        hits, num_videos = int(confusion[label, label]), int(confusion[label].sum())
        mistakes = confusion[label].copy()
        mistakes[label] = 0
        interval = wilson_interval(hits, num_videos) if num_videos else _NO_INTERVAL
        confused_with = classes[int(mistakes.argmax())] if mistakes.any() else ""
        results.append(OutputResult.from_interval(name, num_videos, interval, confused_with))
    return results


# ---- any number of labels hold


def _keep_all(truth: GroundTruth, outputs: PartOutputs, row: int) -> np.ndarray:
    return outputs


def _compute_multilabel(
    outputs: VideoOutputs, kept: Float32[np.ndarray, "parts videos kept"],
    truth: GroundTruth, resampling: Bootstrap,
) -> Result:  # fmt: skip
    positive, predicted = truth.targets > 0.5, outputs > 0.5
    num_videos, is_correct = len(outputs), predicted == positive
    precision = classification.average_precision_per_class(outputs, positive)
    # an answer per video and label: whether the label holds
    column, is_positive = outputs.T.ravel(), positive.T.ravel().astype(np.int64)
    pairs = np.stack([1 - column, column], axis=1)
    label_probabilities = np.where(positive, outputs, 1 - outputs)
    geometric_means = np.exp(np.log(np.maximum(label_probabilities, 1e-12)).mean(axis=1))
    mean_precision = bootstrap(
        lambda rows: _compute_map(outputs[rows], positive[rows]),
        num_videos,
        resampling.limit(outputs.size),
    )
    metrics = EvalMetrics(
        values={
            "mAP": mean_precision,
            "label accuracy": accuracy_interval(is_correct.mean(axis=1), resampling),
            "subset accuracy": accuracy_interval(is_correct.all(axis=1).astype(float), resampling),
        },
        outputs=tuple(
            OutputResult(name=name, videos=int(count), value=float(value))
            for name, count, value in zip(
                truth.classes, positive.sum(axis=0), precision, strict=True
            )
        ),
        calibration=compute_calibration(pairs, is_positive, num_videos, resampling),
        videos=_build_video_results(
            truth,
            np.argsort(geometric_means, kind="stable"),
            truth_names=[_format_labels(truth.classes, row) for row in positive],
            predicted_names=[_format_labels(truth.classes, row) for row in predicted],
            truth_scores=geometric_means,
            predicted_scores=outputs.max(axis=1),
            is_correct=is_correct.all(axis=1),
        ),
    )
    return metrics, [_compute_map(part.astype(np.float64), positive) for part in kept]


def _compute_map(outputs: VideoOutputs, positive: Bool[np.ndarray, "videos outputs"]) -> float:
    """The mAP; NaN where no label holds for any video."""
    if not positive.any():
        return math.nan
    return classification.mean_average_precision(outputs, positive)


def _format_labels(names: Sequence[str], mask: np.ndarray) -> str:
    return ", ".join(names[i] for i in np.flatnonzero(mask).tolist()) or "none"


# ---- numbers


def _keep_errors(truth: GroundTruth, outputs: PartOutputs, row: int) -> np.ndarray:
    return np.abs(outputs - truth.targets[row]).mean(axis=1)[:, None]


def _compute_regression(
    outputs: VideoOutputs, kept: Float32[np.ndarray, "parts videos kept"],
    truth: GroundTruth, resampling: Bootstrap,
) -> Result:  # fmt: skip
    errors = np.abs(outputs - truth.targets)
    mean_errors = errors.mean(axis=1)
    metrics = EvalMetrics(
        values=compute_regression_intervals(outputs, truth.targets, resampling),
        outputs=tuple(
            OutputResult.from_interval(name, len(errors), bootstrap_mean(column, resampling))
            for name, column in zip(truth.classes, errors.T, strict=True)
        ),
        videos=_build_video_results(
            truth,
            np.argsort(-mean_errors, kind="stable"),
            truth_names=[_format_numbers(row) for row in truth.targets],
            predicted_names=[_format_numbers(row) for row in outputs],
            truth_scores=mean_errors,
            predicted_scores=np.full(len(errors), math.nan),
            # the half that is better than the median counts as right
            is_correct=mean_errors < np.median(mean_errors),
            has_targets=True,
        ),
    )
    return metrics, kept.mean(axis=(1, 2)).tolist()


def _format_numbers(values: np.ndarray) -> str:
    text = ", ".join(f"{value:.4g}" for value in values[:4])
    return text + (", …" if len(values) > 4 else "")


# ---- of all kinds


def _build_video_results(
    truth: GroundTruth,
    order: Int64[np.ndarray, " videos"],
    *,
    truth_names: Sequence[str],
    predicted_names: Sequence[str],
    truth_scores: np.ndarray,
    predicted_scores: np.ndarray,
    is_correct: np.ndarray,
    has_targets: bool = False,
) -> tuple[VideoResult, ...]:
    """What was said of each video, in an order that has the hardest first."""
    return tuple(
        VideoResult(
            video=truth.identities[row],
            row=row,
            truth=truth_names[row],
            predicted=predicted_names[row],
            truth_score=float(truth_scores[row]),
            predicted_score=float(predicted_scores[row]),
            is_correct=bool(is_correct[row]),
            target=tuple(truth.targets[row].tolist()) if has_targets else (),
        )
        for row in order.tolist()
    )


KeepFn = Callable[[GroundTruth, PartOutputs, int], Float64[np.ndarray, "parts kept"]]
ComputeFn = Callable[[VideoOutputs, np.ndarray, GroundTruth, Bootstrap], Result]

TASK_METRICS: dict[TaskType, tuple[KeepFn, ComputeFn]] = {
    "multiclass": (_keep_hits, _compute_multiclass),
    "multilabel": (_keep_all, _compute_multilabel),
    "regression": (_keep_errors, _compute_regression),
}
"""For each type of task: what is kept of a video (by its row) of the answers of parts of its views,
and all metrics."""
