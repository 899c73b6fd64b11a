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
        """Of outputs that vary; scikit-learn's r2_score says 0 or 1 of one that does not."""
        spread = np.square(targets[rows] - targets[rows].mean(axis=0)).sum(axis=0)
        varies = spread > 0
        if not varies.any():
            return float("nan")
        unexplained = np.square(errors[rows]).sum(axis=0)
        return float((1 - unexplained[varies] / spread[varies]).mean())

    return {
        "mean absolute error": bootstrap_mean(np.abs(errors).mean(axis=1), resampling),
        "root mean square error": bootstrap(compute_rmse, len(targets), resampling),
        "explained variance (R2)": bootstrap(compute_r2, len(targets), resampling),
    }
