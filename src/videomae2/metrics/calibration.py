"""How far probabilities can be believed, and one number that makes them more believable.

Axes: videos, classes, bins; answers = those of all videos, one or several of each.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int, Int64

from videomae2.metrics.bootstrap import Bootstrap, Interval, bootstrap
from videomae2.metrics.classification import (
    check_scores,
    compute_probabilities,
    per_class_mean,
    predict_classes,
)

TEMPERATURES = (0.01, 100.0)
"""Where a temperature is looked for; the ends are those of answers that have none (all right, or
worse than a guess)."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """How far the probabilities can be believed."""

    reliability: Reliability
    ece: Interval
    """Expected calibration error (ECE), 15 bins."""
    log_loss: float
    temperature: float
    """Fitted on these same videos."""
    ece_cross_fitted: float
    """ECE with each half of the videos rescaled by the temperature of the other half."""
    log_loss_cross_fitted: float

    @property
    def is_at_limit(self) -> bool:
        """There is no best temperature."""
        return self.temperature in TEMPERATURES


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
    confidence, accuracy = (
        per_class_mean(values, bin_index, num_bins) for values in (confidences, is_correct)
    )
    return Reliability(edges, np.bincount(bin_index, minlength=num_bins), confidence, accuracy)


def negative_log_likelihood(
    probabilities: Float[np.ndarray, "videos classes"], labels: Int[np.ndarray, " videos"]
) -> float:
    """The mean of -log of the probability of the right class."""
    check_scores(probabilities, labels)
    label_probabilities = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(label_probabilities, _TINY)).mean())


def rescale_probabilities(
    probabilities: Float[np.ndarray, "videos classes"], temperature: float
) -> Float64[np.ndarray, "videos classes"]:
    """Probabilities at another temperature: each to the power 1 / temperature, made to sum to 1."""
    return compute_probabilities(_to_logits(probabilities) / temperature)


def fit_temperature(
    probabilities: Float[np.ndarray, "videos classes"], labels: Int[np.ndarray, " videos"]
) -> float:
    """Find what logits are divided by so that the labels are most likely.

    The loss is convex in 1 / temperature, so the zero of its slope is the only best. Fit on other
    videos than those that are reported, or use `cross_rescale`.

    Source: Guo et al., ICML 2017, section 4.2.
    """
    from scipy.optimize import brentq

    check_scores(probabilities, labels)
    logits = _to_logits(probabilities)
    label_logits = logits[np.arange(len(labels)), labels]

    def compute_slope(log_temperature: float) -> float:  # of the loss by 1 / temperature
        weights = compute_probabilities(logits * np.exp(-log_temperature))
        return float(((weights * logits).sum(axis=1) - label_logits).mean())

    coldest, hottest = np.log(TEMPERATURES).tolist()
    if compute_slope(hottest) >= 0:
        return TEMPERATURES[1]
    if compute_slope(coldest) <= 0:
        return TEMPERATURES[0]
    return float(np.exp(brentq(compute_slope, coldest, hottest, xtol=1e-10)))


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
        result[fold::2] = rescale_probabilities(probabilities[fold::2], temperature)
    return result


def compute_calibration(
    probabilities: Float[np.ndarray, "answers classes"],
    labels: Int[np.ndarray, " answers"],
    num_videos: int,
    resampling: Bootstrap,
) -> Calibration | None:
    """Measure everything about the probabilities of two or more videos; of one nothing is known.

    Each video has one answer, or several: then all first answers come first, and so on. All answers
    of a video are drawn together, and are in the same half.
    """
    if num_videos < 2:
        return None
    offsets = np.arange(len(probabilities) // num_videos)[:, None] * num_videos
    num_paired = num_videos - num_videos % 2 if len(offsets) > 1 else num_videos
    paired = (offsets + np.arange(num_paired)).ravel()
    cross_fitted = cross_rescale(probabilities[paired], labels[paired])

    def compute_ece(rows: np.ndarray) -> float:
        drawn = (offsets + rows).ravel()
        return compute_reliability(probabilities[drawn], labels[drawn]).error

    return Calibration(
        reliability=compute_reliability(probabilities, labels),
        ece=bootstrap(compute_ece, num_videos, resampling.limit(probabilities.size)),
        log_loss=negative_log_likelihood(probabilities, labels),
        temperature=fit_temperature(probabilities, labels),
        ece_cross_fitted=compute_reliability(cross_fitted, labels[paired]).error,
        log_loss_cross_fitted=negative_log_likelihood(cross_fitted, labels[paired]),
    )


def _to_logits(probabilities: np.ndarray) -> Float64[np.ndarray, "videos classes"]:
    return np.log(np.maximum(probabilities.astype(np.float64), _TINY))
