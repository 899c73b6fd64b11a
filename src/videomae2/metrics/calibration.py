"""How far probabilities can be believed, and one number that makes them more believable.

NumPy only. Axes: videos, classes, bins.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int, Int64

from videomae2.metrics.classification import check_scores, predict_classes

TEMPERATURES = (0.01, 100.0)
"""Where a temperature is looked for."""


_TINY = float(np.finfo(np.float64).tiny)  # the logarithm of a probability of 0 would be infinite


@dataclass(frozen=True, slots=True)
class Reliability:
    """Videos by how sure the model was of its best class; what a calibration plot shows."""

    edges: Float64[np.ndarray, " edges"]
    """Bounds of the bins; each holds its upper bound."""
    count: Int64[np.ndarray, " bins"]
    confidence: Float64[np.ndarray, " bins"]
    """Mean probability of the best class; NaN in an empty bin."""
    accuracy: Float64[np.ndarray, " bins"]
    """Share of videos for which it was right; NaN in an empty bin."""

    @property
    def error(self) -> float:
        """The expected calibration error: mean distance of the two, weighted by videos."""
        gap = np.abs(np.nan_to_num(self.confidence - self.accuracy))
        return float((self.count * gap).sum() / self.count.sum())


def compute_reliability(
    probabilities: Float[np.ndarray, "videos classes"],
    labels: Int[np.ndarray, " videos"],
    *,
    num_bins: int = 15,
) -> Reliability:
    """Sort videos into bins of equal width by the probability of their best class.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017, equation 3 and its
        15 bins.
    """
    check_scores(probabilities, labels)
    confidences = probabilities.max(axis=1).astype(np.float64)
    is_correct = (predict_classes(probabilities) == labels).astype(np.float64)
    edges = np.linspace(0.0, 1.0, num_bins + 1)
    bin_index = np.clip(np.searchsorted(edges, confidences, side="left") - 1, 0, num_bins - 1)
    count = np.bincount(bin_index, minlength=num_bins)
    empty = np.where(count > 0, 1.0, np.nan)
    sums = (
        np.bincount(bin_index, weights=values, minlength=num_bins)
        for values in (confidences, is_correct)
    )
    confidence, accuracy = (total / np.maximum(count, 1) * empty for total in sums)
    return Reliability(edges, count, confidence, accuracy)


def expected_calibration_error(
    probabilities: Float[np.ndarray, "videos classes"],
    labels: Int[np.ndarray, " videos"],
    *,
    num_bins: int = 15,
) -> float:
    """The mean distance between how sure the model is and how often it is right (ECE)."""
    return compute_reliability(probabilities, labels, num_bins=num_bins).error


def negative_log_likelihood(
    probabilities: Float[np.ndarray, "videos classes"], labels: Int[np.ndarray, " videos"]
) -> float:
    """The mean of -log of the probability of the right class."""
    check_scores(probabilities, labels)
    label_probabilities = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(label_probabilities, _TINY)).mean())


@dataclass(frozen=True, slots=True)
class Temperature:
    """What logits are divided by so that probabilities fit the labels best."""

    value: float
    at_limit: bool
    """The best lies outside of `TEMPERATURES`: everything is right, or worse than a guess."""


def rescale_probabilities(
    probabilities: Float[np.ndarray, "videos classes"], temperature: float
) -> Float64[np.ndarray, "videos classes"]:
    """Probabilities at another temperature: each to the power 1 / temperature, made to sum to 1."""
    return _softmax(_to_logits(probabilities), 1.0 / temperature)


def fit_temperature(
    probabilities: Float[np.ndarray, "videos classes"], labels: Int[np.ndarray, " videos"]
) -> Temperature:
    """Find the temperature at which the labels are most likely.

    The loss is convex in 1 / temperature, so the zero of its slope is the only best. Newton's
    method finds it, held in a bracket that halves wherever a step would leave it.

    Args:
        probabilities: Of videos or of views. Fit on other videos than those that are reported, or
            use `cross_rescale`.
        labels: The right classes.

    Source: Guo et al., ICML 2017, section 4.2.
    """
    check_scores(probabilities, labels)
    logits = _to_logits(probabilities)
    low, high = (1.0 / limit for limit in reversed(TEMPERATURES))
    if _compute_derivatives(logits, labels, low)[0] >= 0:
        return Temperature(1.0 / low, at_limit=True)
    if _compute_derivatives(logits, labels, high)[0] <= 0:
        return Temperature(1.0 / high, at_limit=True)
    return Temperature(1.0 / _find_root(logits, labels, low, high), at_limit=False)


def cross_rescale(
    probabilities: Float[np.ndarray, "videos classes"], labels: Int[np.ndarray, " videos"]
) -> Float64[np.ndarray, "videos classes"]:
    """Rescale each half of the videos by the temperature of the other half: every second video.

    So no video helps to choose its own temperature, and what is measured then is honest.

    Raises:
        ValueError: There are fewer than two videos.
    """
    check_scores(probabilities, labels)
    if len(labels) < 2:
        raise ValueError("one video has no other half: wanted 2 videos or more")
    result = np.empty(probabilities.shape)
    for fold, fit_fold in ((0, 1), (1, 0)):
        temperature = fit_temperature(probabilities[fit_fold::2], labels[fit_fold::2])
        result[fold::2] = rescale_probabilities(probabilities[fold::2], temperature.value)
    return result


def _find_root(
    logits: Float64[np.ndarray, "videos classes"],
    labels: Int[np.ndarray, " videos"],
    low: float,
    high: float,
) -> float:
    """Where the slope is 0, between a place where it is negative and one where it is positive."""
    current = 1.0
    for _ in range(200):  # halving alone needs about 60
        slope, curvature = _compute_derivatives(logits, labels, current)
        low, high = (current, high) if slope < 0 else (low, current)
        candidate = current - slope / curvature if curvature > 0 else low
        if not low < candidate < high:
            candidate = (low * high) ** 0.5
        if abs(candidate - current) <= 1e-12 * current:
            return candidate
        current = candidate
    return current


def _compute_derivatives(
    logits: Float64[np.ndarray, "videos classes"],
    labels: Int[np.ndarray, " videos"],
    inverse: float,
) -> tuple[float, float]:
    """The first and second derivative of the loss by 1 / temperature."""
    weight = _softmax(logits, inverse)
    mean = (weight * logits).sum(axis=1)
    spread = (weight * (logits - mean[:, None]) ** 2).sum(axis=1)
    return float((mean - logits[np.arange(len(labels)), labels]).mean()), float(spread.mean())


def _to_logits(
    probabilities: Float[np.ndarray, "videos classes"],
) -> Float64[np.ndarray, "videos classes"]:
    return np.log(np.maximum(probabilities.astype(np.float64), _TINY))


def _softmax(
    logits: Float64[np.ndarray, "videos classes"], inverse: float
) -> Float64[np.ndarray, "videos classes"]:
    y = np.exp(inverse * (logits - logits.max(axis=1, keepdims=True)))
    return y / y.sum(axis=1, keepdims=True)
