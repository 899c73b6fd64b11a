"""How far off predicted numbers are.

Axes: videos; outputs = numbers of a video.
"""

from collections.abc import Sequence

import numpy as np

from videomae2.jobs.evaluation.gathering import MergedViews
from videomae2.jobs.evaluation.results import ViewAblation, Bootstrap, EvalMetrics, OutputResult
from videomae2.jobs.evaluation.video_results import GroundTruth, rank_videos
from videomae2.tensors.intervals import Interval, bootstrap, bootstrap_mean


def compute_regression_metrics(merged_views: MergedViews, ground_truth: GroundTruth, resampling: Bootstrap) -> EvalMetrics:
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
        "mean absolute error": bootstrap_mean(mean_errors, n_resamples=resampling.n_resamples, seed=resampling.seed),
        "root mean square error": bootstrap(compute_rmse, videos, n_resamples=resampling.n_resamples, seed=resampling.seed),
        "explained variance (R2)": bootstrap(compute_r2, videos, n_resamples=resampling.n_resamples, seed=resampling.seed),
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


def _compute_output_results(errors: np.ndarray, names: Sequence[str], resampling: Bootstrap) -> list[OutputResult]:
    intervals: list[Interval] = [
        bootstrap_mean(column, n_resamples=resampling.n_resamples, seed=resampling.seed) for column in errors.T
    ]
    return [
        OutputResult(name=name, videos=len(errors), value=one.value, low=one.low, high=one.high)
        for name, one in zip(names, intervals, strict=True)
    ]
