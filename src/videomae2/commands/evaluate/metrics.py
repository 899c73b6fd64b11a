"""Predictions and right answers → numbers with intervals, whatever the outputs mean.

Axes: videos; outputs; parts = ways to take some of the views.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from videomae2.commands.evaluate.predictions import (
    GroundTruth,
    MergedViews,
    merge_views,
    rank_videos,
)
from videomae2.data.views.specs import ViewGridConfig
from videomae2.inference.scorer import ViewScores
from videomae2.metrics import bootstrap, calibration, classification
from videomae2.metrics.classification import average_precision_per_class, mean_average_precision
from videomae2.metrics.results import (
    Bootstrap,
    Calibration,
    EvalMetrics,
    OutputResult,
    ViewAblation,
)

_TOP_K = 5


_MAX_SORTED_SCORES = 20_000_000  # bounds the rounds of intervals whose every round sorts all scores


def compute_metrics(
    scores: Iterable[ViewScores],
    grid: ViewGridConfig,
    ground_truth: GroundTruth,
    resampling: Bootstrap,
) -> tuple[MergedViews, EvalMetrics]:
    """Take every measure.

    Args:
        scores: Of the views of every video.
        grid: What the views are.
        ground_truth: The right answers, in the same order; at least one video.
        resampling: The samples of the intervals.
    """
    if ground_truth.task_type == "multiclass":
        merged_views = merge_views(
            scores, grid, "multiclass", metric_fn=_top1_metric_fn(ground_truth.labels)
        )
        return merged_views, _compute_multiclass(merged_views, ground_truth, resampling)
    if ground_truth.task_type == "multilabel":
        merged_views = merge_views(scores, grid, "multilabel", metric_fn=lambda parts, row: parts)
        return merged_views, _compute_multilabel(merged_views, ground_truth, resampling)
    metric_fn = _mae_metric_fn(ground_truth.targets)
    merged_views = merge_views(scores, grid, "regression", metric_fn=metric_fn)
    return merged_views, compute_regression_metrics(merged_views, ground_truth, resampling)


def compute_mean_interval(
    values: Float[np.ndarray, " videos"], resampling: Bootstrap
) -> bootstrap.Interval:
    """The interval of a share of videos.

    Where all or none are hits it is Wilson's, for a bootstrap would be certain.
    """
    if set(np.unique(values)) in ({0.0}, {1.0}):
        return bootstrap.wilson_interval(float(values.sum()), len(values))
    return bootstrap.bootstrap_mean(
        values, n_resamples=resampling.n_resamples, seed=resampling.seed
    )


def _widen_if_certain(interval: bootstrap.Interval, hits: np.ndarray) -> bootstrap.Interval:
    """An accuracy with an interval: Wilson's of the hits where a bootstrap would be certain."""
    if interval.low < interval.high:
        return interval
    wilson = bootstrap.wilson_interval(float(hits.sum()), len(hits))
    low, high = min(wilson.low, interval.value), max(wilson.high, interval.value)
    return replace(wilson, value=interval.value, low=low, high=high)


def _top1_metric_fn(
    labels: Int64[np.ndarray, " videos"],
) -> Callable[[np.ndarray, int], np.ndarray]:
    def compute_hits(outputs: np.ndarray, row: int) -> np.ndarray:
        expected = np.full(len(outputs), labels[row])
        return classification.top_k_hits(outputs, expected, k=1)[:, None]

    return compute_hits


def _mae_metric_fn(targets: Float64[np.ndarray, "videos outputs"]) -> Callable[..., np.ndarray]:
    def compute_mae(outputs: np.ndarray, row: int) -> np.ndarray:
        errors: np.ndarray = np.abs(outputs - targets[row]).mean(axis=1)[:, None]
        return errors

    return compute_mae


def _compute_multiclass(
    merged_views: MergedViews, ground_truth: GroundTruth, resampling: Bootstrap
) -> EvalMetrics:
    outputs, labels = merged_views.outputs, ground_truth.labels
    hits, num_classes = classification.top_k_hits(outputs, labels, k=1), outputs.shape[1]

    def compute_mean_class_accuracy(rows: np.ndarray) -> float:
        return float(
            np.nanmean(classification.per_class_mean(hits[rows], labels[rows], num_classes))
        )

    values = {"top-1 accuracy": compute_mean_interval(hits, resampling)}
    if num_classes > _TOP_K:
        top_k_hits = classification.top_k_hits(outputs, labels, k=_TOP_K)
        values[f"top-{_TOP_K} accuracy"] = compute_mean_interval(top_k_hits, resampling)
    mean_class_accuracy = bootstrap.bootstrap(
        compute_mean_class_accuracy,
        len(labels),
        n_resamples=resampling.n_resamples,
        seed=resampling.seed,
    )
    values["mean-class accuracy"] = _widen_if_certain(mean_class_accuracy, hits)
    confusion = classification.confusion_matrix(outputs, labels)
    view_ablation = zip(
        merged_views.view_subsets, merged_views.subset_metrics.mean(axis=(1, 2)), strict=True
    )
    return EvalMetrics(
        values=values,
        outputs=tuple(_compute_class_results(ground_truth.classes, confusion, hits, labels)),
        confusion=confusion,
        calibration=_compute_calibration(outputs, labels, len(labels), resampling)
        if len(labels) > 1
        else None,
        view_ablation=tuple(ViewAblation(*part, float(value)) for part, value in view_ablation),
        videos=tuple(rank_videos(outputs, ground_truth)),
    )


def _compute_class_results(
    names: Sequence[str], confusion: np.ndarray, hits: np.ndarray, labels: np.ndarray
) -> Iterable[OutputResult]:
    for label, name in enumerate(names):
        class_hits, row = hits[labels == label], confusion[label].copy()
        row[label] = 0
        confused_with = names[int(row.argmax())] if row.any() else ""
        if len(class_hits) == 0:
            yield OutputResult(name=name, videos=0, value=np.nan, low=np.nan, high=np.nan)
            continue
        interval = bootstrap.wilson_interval(float(class_hits.sum()), len(class_hits))
        yield OutputResult(
            name=name,
            videos=len(class_hits),
            value=interval.value,
            low=interval.low,
            high=interval.high,
            confused_with=confused_with,
        )


def _compute_calibration(
    outputs: np.ndarray, labels: np.ndarray, videos: int, resampling: Bootstrap
) -> Calibration:
    """Of one answer per video, or of several: then all first answers, all second ones and so on.

    All answers of a video are drawn together, and are in the same half.
    """
    label_offsets = np.arange(len(outputs) // videos)[:, None] * videos
    reliability = calibration.compute_reliability(outputs, labels)
    fitted = calibration.fit_temperature(outputs, labels)
    num_paired = videos - videos % 2 if len(label_offsets) > 1 else videos
    paired_rows = (label_offsets + np.arange(num_paired)).ravel()
    cross_fitted = calibration.cross_rescale(outputs[paired_rows], labels[paired_rows])

    def compute_ece(rows: np.ndarray) -> float:
        drawn = (label_offsets + rows).ravel()
        return calibration.expected_calibration_error(outputs[drawn], labels[drawn])

    n_resamples = _limit_resamples(outputs.size, resampling)
    return Calibration(
        reliability=reliability,
        ece=bootstrap.bootstrap(compute_ece, videos, n_resamples=n_resamples, seed=resampling.seed),
        log_loss=calibration.negative_log_likelihood(outputs, labels),
        temperature=fitted.value,
        is_at_limit=fitted.at_limit,
        ece_cross_fitted=calibration.expected_calibration_error(cross_fitted, labels[paired_rows]),
        log_loss_cross_fitted=calibration.negative_log_likelihood(
            cross_fitted, labels[paired_rows]
        ),
    )


def _compute_multilabel(
    merged_views: MergedViews, ground_truth: GroundTruth, resampling: Bootstrap
) -> EvalMetrics:
    probabilities, positive = merged_views.outputs, ground_truth.targets > 0.5
    is_correct = (probabilities > 0.5) == positive

    def compute_map(rows: np.ndarray) -> float:
        return _compute_map(probabilities[rows], positive[rows])

    n_resamples = _limit_resamples(probabilities.size, resampling)
    values = {
        "mAP": bootstrap.bootstrap(
            compute_map, len(probabilities), n_resamples=n_resamples, seed=resampling.seed
        ),
        "label accuracy": compute_mean_interval(is_correct.mean(axis=1), resampling),
        "subset accuracy": compute_mean_interval(is_correct.all(axis=1).astype(float), resampling),
    }
    average_precision = average_precision_per_class(probabilities, positive)
    outputs = [
        OutputResult(name=name, videos=int(has.sum()), value=float(value), low=np.nan, high=np.nan)
        for name, has, value in zip(
            ground_truth.classes, positive.T, average_precision, strict=True
        )
    ]
    subset_map = [
        _compute_map(part.astype(np.float64), positive) for part in merged_views.subset_metrics
    ]
    column, videos = probabilities.T.ravel(), len(probabilities)
    pairs, is_positive = np.stack([1 - column, column], axis=1), positive.T.ravel().astype(np.int64)
    return EvalMetrics(
        values=values,
        outputs=tuple(outputs),
        confusion=None,
        calibration=_compute_calibration(pairs, is_positive, videos, resampling)
        if videos > 1
        else None,
        view_ablation=tuple(
            ViewAblation(*p, value)
            for p, value in zip(merged_views.view_subsets, subset_map, strict=True)
        ),
        videos=tuple(rank_videos(probabilities, ground_truth)),
    )


def _compute_map(
    outputs: Float64[np.ndarray, "videos outputs"], positive: Bool[np.ndarray, "videos outputs"]
) -> float:
    """The mAP; NaN where no label holds for any video."""
    return mean_average_precision(outputs, positive) if positive.any() else float("nan")


def _limit_resamples(num_scores: int, resampling: Bootstrap) -> int:
    return min(resampling.n_resamples, max(100, _MAX_SORTED_SCORES // max(1, num_scores)))


def compute_regression_metrics(
    merged_views: MergedViews, ground_truth: GroundTruth, resampling: Bootstrap
) -> EvalMetrics:
    """Mean absolute error, root of the mean square, and the share of the variance explained.

    Args:
        merged_views: What was predicted.
        ground_truth: The right numbers.
        resampling: The samples of the intervals.
    """
    targets = ground_truth.targets
    errors = merged_views.outputs - targets
    mean_errors = np.abs(errors).mean(axis=1)

    def compute_rmse(rows: np.ndarray) -> float:
        return float(np.sqrt(np.square(errors[rows]).mean()))

    def compute_r2(rows: np.ndarray) -> float:
        return _compute_r2(errors[rows], targets[rows])

    videos = len(targets)
    values = {
        "mean absolute error": bootstrap.bootstrap_mean(
            mean_errors, n_resamples=resampling.n_resamples, seed=resampling.seed
        ),
        "root mean square error": bootstrap.bootstrap(
            compute_rmse, videos, n_resamples=resampling.n_resamples, seed=resampling.seed
        ),
        "explained variance (R2)": bootstrap.bootstrap(
            compute_r2, videos, n_resamples=resampling.n_resamples, seed=resampling.seed
        ),
    }
    subset_mae = merged_views.subset_metrics.mean(axis=(1, 2))
    return EvalMetrics(
        values=values,
        outputs=tuple(_compute_output_results(np.abs(errors), ground_truth.classes, resampling)),
        confusion=None,
        calibration=None,
        view_ablation=tuple(
            ViewAblation(*part, float(value))
            for part, value in zip(merged_views.view_subsets, subset_mae, strict=True)
        ),
        videos=tuple(rank_videos(merged_views.outputs, ground_truth)),
    )


def _compute_r2(errors: np.ndarray, targets: np.ndarray) -> float:
    """One minus error over variance, the mean over outputs that vary; NaN where none does."""
    spread = np.square(targets - targets.mean(axis=0)).sum(axis=0)
    varies = spread > 0
    if not varies.any():
        return float("nan")
    return float((1 - np.square(errors).sum(axis=0)[varies] / spread[varies]).mean())


def _compute_output_results(
    errors: np.ndarray, names: Sequence[str], resampling: Bootstrap
) -> list[OutputResult]:
    intervals = [
        bootstrap.bootstrap_mean(column, n_resamples=resampling.n_resamples, seed=resampling.seed)
        for column in errors.T
    ]
    return [
        OutputResult(
            name=name,
            videos=len(errors),
            value=interval.value,
            low=interval.low,
            high=interval.high,
        )
        for name, interval in zip(names, intervals, strict=True)
    ]
