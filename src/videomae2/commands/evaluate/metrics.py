"""Scores of videos to numbers with intervals, whatever the outputs mean.

Axes: videos; outputs = classes, labels or numbers; parts = ways to take some of the views.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int64

from videomae2.commands.evaluate.predictions import (
    GroundTruth,
    MergedViews,
    MetricFn,
    merge_views,
    rank_videos,
)
from videomae2.data.views.requests import ViewSpec
from videomae2.inference.scorer import ViewScores
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
from videomae2.metrics.results import EvalMetrics, OutputResult, ViewAblation
from videomae2.models.task_type import TaskType

_TOP_K = 5


def compute_metrics(
    scores: Iterable[ViewScores],
    views: ViewSpec,
    ground_truth: GroundTruth,
    resampling: Bootstrap,
) -> tuple[MergedViews, EvalMetrics]:
    """Compute every metric.

    Args:
        scores: Of the views of every video.
        views: What the views are.
        ground_truth: The right answers, in the same order; at least one video.
        resampling: The samples of the intervals.
    """
    build_metric_fn, compute = _METRICS[ground_truth.task_type]
    metric_fn = build_metric_fn(ground_truth)
    merged = merge_views(scores, views, ground_truth.task_type, metric_fn=metric_fn)
    return merged, compute(merged, ground_truth, resampling)


def _build_top1_fn(ground_truth: GroundTruth) -> MetricFn:
    def compute_hits(outputs: np.ndarray, row: int) -> np.ndarray:
        expected = np.full(len(outputs), ground_truth.labels[row])
        return classification.top_k_hits(outputs, expected, k=1)[:, None]

    return compute_hits


def _build_mae_fn(ground_truth: GroundTruth) -> MetricFn:
    def compute_mae(outputs: np.ndarray, row: int) -> np.ndarray:
        errors: np.ndarray = np.abs(outputs - ground_truth.targets[row]).mean(axis=1)[:, None]
        return errors

    return compute_mae


def _keep_outputs(ground_truth: GroundTruth) -> MetricFn:
    return lambda outputs, row: outputs


def _compute_multiclass(
    merged: MergedViews, ground_truth: GroundTruth, resampling: Bootstrap
) -> EvalMetrics:
    outputs, labels = merged.outputs, ground_truth.labels
    hits = classification.top_k_hits(outputs, labels, k=1)
    values = {"top-1 accuracy": accuracy_interval(hits, resampling)}
    if outputs.shape[1] > _TOP_K:
        top_k_hits = classification.top_k_hits(outputs, labels, k=_TOP_K)
        values[f"top-{_TOP_K} accuracy"] = accuracy_interval(top_k_hits, resampling)
    values["mean-class accuracy"] = _compute_mean_class(
        hits, labels, outputs.shape[1], resampling=resampling
    )
    confusion = classification.confusion_matrix(outputs, labels)
    return EvalMetrics(
        values=values,
        outputs=tuple(_compute_class_results(ground_truth.classes, confusion, hits, labels)),
        confusion=confusion,
        calibration=compute_calibration(outputs, labels, len(labels), resampling)
        if len(labels) > 1
        else None,
        view_ablation=_build_ablation(merged, merged.subset_metrics.mean(axis=(1, 2)).tolist()),
        videos=tuple(rank_videos(outputs, ground_truth)),
    )


def _compute_mean_class(
    hits: np.ndarray, labels: Int64[np.ndarray, " videos"], num_classes: int, *,
    resampling: Bootstrap,
) -> Interval:  # fmt: skip
    def compute(rows: np.ndarray) -> float:
        per_class = classification.per_class_mean(hits[rows], labels[rows], num_classes)
        return float(np.nanmean(per_class))

    return widen_if_certain(bootstrap(compute, len(labels), resampling), hits)


def _compute_class_results(
    names: Sequence[str], confusion: np.ndarray, hits: np.ndarray, labels: np.ndarray
) -> Iterator[OutputResult]:
    for label, name in enumerate(names):
        class_hits, mistakes = hits[labels == label], confusion[label].copy()
        mistakes[label] = 0
        if len(class_hits) == 0:
            yield OutputResult(name=name, videos=0, value=np.nan, low=np.nan, high=np.nan)
            continue
        yield _build_output_result(
            name,
            len(class_hits),
            wilson_interval(int(class_hits.sum()), len(class_hits)),
            confused_with=names[int(mistakes.argmax())] if mistakes.any() else "",
        )


def _compute_multilabel(
    merged: MergedViews, ground_truth: GroundTruth, resampling: Bootstrap
) -> EvalMetrics:
    probabilities, positive = merged.outputs, ground_truth.targets > 0.5
    num_videos, is_correct = len(probabilities), (probabilities > 0.5) == positive

    def compute_map(rows: np.ndarray) -> float:
        return _compute_map(probabilities[rows], positive[rows])

    precision = classification.average_precision_per_class(probabilities, positive)
    # an answer per video and label: whether the label holds
    column, is_positive = probabilities.T.ravel(), positive.T.ravel().astype(np.int64)
    pairs = np.stack([1 - column, column], axis=1)
    subset_map = [_compute_map(part.astype(np.float64), positive) for part in merged.subset_metrics]
    return EvalMetrics(
        values={
            "mAP": bootstrap(compute_map, num_videos, resampling.limit(probabilities.size)),
            "label accuracy": accuracy_interval(is_correct.mean(axis=1), resampling),
            "subset accuracy": accuracy_interval(is_correct.all(axis=1).astype(float), resampling),
        },
        outputs=tuple(
            OutputResult(name=name, videos=int(n), value=float(value), low=np.nan, high=np.nan)
            for name, n, value in zip(
                ground_truth.classes, positive.sum(axis=0), precision, strict=True
            )
        ),
        confusion=None,
        calibration=compute_calibration(pairs, is_positive, num_videos, resampling)
        if num_videos > 1
        else None,
        view_ablation=_build_ablation(merged, subset_map),
        videos=tuple(rank_videos(probabilities, ground_truth)),
    )


def _compute_map(
    outputs: Float64[np.ndarray, "videos outputs"], positive: Bool[np.ndarray, "videos outputs"]
) -> float:
    """The mAP; NaN where no label holds for any video."""
    if not positive.any():
        return float("nan")
    return classification.mean_average_precision(outputs, positive)


def _compute_regression(
    merged: MergedViews, ground_truth: GroundTruth, resampling: Bootstrap
) -> EvalMetrics:
    errors = np.abs(merged.outputs - ground_truth.targets)
    return EvalMetrics(
        values=compute_regression_intervals(merged.outputs, ground_truth.targets, resampling),
        outputs=tuple(
            _build_output_result(name, len(errors), bootstrap_mean(column, resampling))
            for name, column in zip(ground_truth.classes, errors.T, strict=True)
        ),
        confusion=None,
        calibration=None,
        view_ablation=_build_ablation(merged, merged.subset_metrics.mean(axis=(1, 2)).tolist()),
        videos=tuple(rank_videos(merged.outputs, ground_truth)),
    )


def _build_output_result(
    name: str, num_videos: int, interval: Interval, *, confused_with: str = ""
) -> OutputResult:
    return OutputResult(
        name=name,
        videos=num_videos,
        value=interval.value,
        low=interval.low,
        high=interval.high,
        confused_with=confused_with,
    )


def _build_ablation(merged: MergedViews, values: Sequence[float]) -> tuple[ViewAblation, ...]:
    pairs = zip(merged.view_subsets, values, strict=True)
    return tuple(ViewAblation(*subset, value) for subset, value in pairs)


_MetricsFn = Callable[[MergedViews, GroundTruth, Bootstrap], EvalMetrics]

_METRICS: dict[TaskType, tuple[Callable[[GroundTruth], MetricFn], _MetricsFn]] = {
    "multiclass": (_build_top1_fn, _compute_multiclass),
    "multilabel": (_keep_outputs, _compute_multilabel),
    "regression": (_build_mae_fn, _compute_regression),
}
