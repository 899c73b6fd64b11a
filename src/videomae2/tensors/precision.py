"""Average precision of classes that do not exclude each other.

NumPy only. Axes: videos, classes.
"""

import numpy as np
from jaxtyping import Bool, Float, Float64


def average_precision(
    scores: Float[np.ndarray, " videos"], positive: Bool[np.ndarray, " videos"]
) -> float:
    """The area under the steps of precision over recall; NaN if no video is positive.

    That is the sum over thresholds of (gain in recall) times (precision there), without
    interpolation. Videos of equal score pass a threshold together, so their order has no effect.

    Raises:
        ValueError: A score is not finite.

    Source: the definition of scikit-learn's average_precision_score.
    """
    if not np.isfinite(scores).all():
        raise ValueError("a score is not finite")
    if not positive.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    true_positives = np.cumsum(positive[order])
    is_last_of_ties = np.append(np.diff(scores[order]) != 0, True)
    thresholds = np.flatnonzero(is_last_of_ties)
    precision = true_positives[thresholds] / (thresholds + 1)
    gain = np.diff(true_positives[thresholds], prepend=0) / true_positives[-1]
    return float((gain * precision).sum())


def average_precision_per_class(
    scores: Float[np.ndarray, "videos classes"], positive: Bool[np.ndarray, "videos classes"]
) -> Float64[np.ndarray, " classes"]:
    """The average precision of every class; NaN for those without a positive video."""
    pairs = zip(scores.T, positive.T, strict=True)
    return np.array([average_precision(one, is_in) for one, is_in in pairs])


def mean_average_precision(
    scores: Float[np.ndarray, "videos classes"], positive: Bool[np.ndarray, "videos classes"]
) -> float:
    """The mean over all classes that have a positive video (mAP).

    Raises:
        ValueError: No class has one, or a score is not finite.
    """
    if not positive.any():
        raise ValueError("no video has any class: there is no average precision")
    return float(np.nanmean(average_precision_per_class(scores, positive)))
