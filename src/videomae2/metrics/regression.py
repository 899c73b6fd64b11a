"""How far off predicted numbers are.

Axes: videos; outputs = numbers of a video.
"""

import numpy as np
from jaxtyping import Float64

from videomae2.metrics.bootstrap import Bootstrap, Interval, bootstrap, bootstrap_mean


def compute_regression_intervals(
    outputs: Float64[np.ndarray, "videos outputs"],
    targets: Float64[np.ndarray, "videos outputs"],
    resampling: Bootstrap,
) -> dict[str, Interval]:
    """Mean absolute error, root of the mean square, and the share of the variance explained."""
    errors = outputs - targets

    def compute_rmse(rows: np.ndarray) -> float:
        return float(np.sqrt(np.square(errors[rows]).mean()))

    def compute_r2(rows: np.ndarray) -> float:
        return _compute_r2(errors[rows], targets[rows])

    return {
        "mean absolute error": bootstrap_mean(np.abs(errors).mean(axis=1), resampling),
        "root mean square error": bootstrap(compute_rmse, len(targets), resampling),
        "explained variance (R2)": bootstrap(compute_r2, len(targets), resampling),
    }


def _compute_r2(errors: np.ndarray, targets: np.ndarray) -> float:
    """One minus error over variance, the mean over outputs that vary; NaN where none does.

    scikit-learn's r2_score says 0 or 1 of an output that does not vary.
    """
    spread = np.square(targets - targets.mean(axis=0)).sum(axis=0)
    varies = spread > 0
    if not varies.any():
        return float("nan")
    return float((1 - np.square(errors).sum(axis=0)[varies] / spread[varies]).mean())
