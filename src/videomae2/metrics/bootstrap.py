"""How sure a measured number is: bootstrap intervals over videos, also of a difference.

NumPy only. Axes: videos, resamples. Every draw is a function of the seed.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Float, Float64, Int64

from videomae2.tensors import rng

N_RESAMPLES = 2000
"""Bootstrap resamples: the ends of a 95 % interval then move by a few hundredths of its width."""


_STREAM = 0x1B00


Statistic = Callable[[Int64[np.ndarray, " videos"]], float]
"""A number of a sample, given as the rows that are in it (some more than once)."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A measured value, and between which values it may lie."""

    value: float
    low: float
    high: float
    confidence: float

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much better one model is than another on the same videos."""

    difference: Interval
    """Mean of one minus mean of the other."""
    fraction_better: float
    """Share of the resamples in which one was better; equal ones count half."""

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.difference.low > 0 or self.difference.high < 0


def bootstrap(
    statistic: Statistic,
    num_videos: int,
    *,
    n_resamples: int = N_RESAMPLES,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The percentile interval of any statistic, by drawing as many videos with replacement.

    Rounds in which it is NaN are left out.

    Args:
        statistic: Computes the number for the rows of a sample.
        num_videos: Number of rows.
        n_resamples: Samples drawn.
        confidence: Share of them within the interval, in (0, 1).
        seed: Chooses the samples.

    Raises:
        ValueError: No video, no round, or a confidence outside of (0, 1).

    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
    """
    _check_arguments(num_videos, n_resamples, confidence)
    samples = (_draw_rows(seed, number, num_videos) for number in range(n_resamples))
    values = np.array([statistic(rows) for rows in samples])
    return _percentile_interval(statistic(np.arange(num_videos)), values, confidence)


def bootstrap_mean(
    values: Float[np.ndarray, " videos"],
    *,
    n_resamples: int = N_RESAMPLES,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The interval of a mean over videos, such as that of hits: an accuracy."""
    _check_arguments(len(values), n_resamples, confidence)
    means = resample_means(values, n_resamples=n_resamples, seed=seed)
    return _percentile_interval(float(values.mean()), means, confidence)


def compare_paired(
    values: Float[np.ndarray, " videos"],
    baseline: Float[np.ndarray, " videos"],
    *,
    n_resamples: int = N_RESAMPLES,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """The difference of two models on the same videos, drawn together: much sharper than apart.

    Args:
        values: A value per video, such as hits.
        baseline: The same of the other model, in the same order; see `compare_by_video`.
        n_resamples: Samples drawn.
        confidence: Share of them within the interval.
        seed: Chooses the samples.

    Raises:
        ValueError: The numbers of videos differ.
    """
    if len(values) != len(baseline):
        raise ValueError(
            f"{len(values)} values and {len(baseline)}: wanted the same videos in both"
        )
    differences = values.astype(np.float64) - baseline
    _check_arguments(len(differences), n_resamples, confidence)
    means = resample_means(differences, n_resamples=n_resamples, seed=seed)
    fraction_better = float((means > 0).mean() + (means == 0).mean() / 2)
    return Comparison(
        _percentile_interval(float(differences.mean()), means, confidence), fraction_better
    )


def compare_by_video(
    values: Mapping[Hashable, float], baseline: Mapping[Hashable, float], *, seed: int = 0
) -> Comparison:
    """The same for values that are kept by the identity of their video.

    Raises:
        ValueError: Some videos have a value of one model only; the first are named.
    """
    if unmatched := list(values.keys() ^ baseline.keys()):
        examples = ", ".join(sorted(map(str, unmatched))[:3])
        raise ValueError(f"{len(unmatched)} videos have a value of one model only: {examples}")
    pairs = np.array([(values[video], baseline[video]) for video in values], dtype=np.float64)
    return compare_paired(pairs.reshape(-1, 2)[:, 0], pairs.reshape(-1, 2)[:, 1], seed=seed)


def wilson_interval(hits: float, num_videos: int, *, confidence: float = 0.95) -> Interval:
    """The interval of a share of few videos, also sane where all or none are hits.

    A bootstrap of nothing but hits says "certainly 100 %"; this does not.

    Source: Wilson, "Probable inference", JASA 1927.
    """
    _check_arguments(num_videos, 1, confidence)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    proportion, denominator = hits / num_videos, 1 + z * z / num_videos
    center = (proportion + z * z / (2 * num_videos)) / denominator
    half = (
        z
        / denominator
        * (proportion * (1 - proportion) / num_videos + z * z / (4 * num_videos**2)) ** 0.5
    )
    return Interval(proportion, max(0.0, center - half), min(1.0, center + half), confidence)


def resample_means(
    values: Float[np.ndarray, " videos"], *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Float64[np.ndarray, " resamples"]:
    """The mean of every sample with replacement."""
    x = values.astype(np.float64)
    return np.array([x[_draw_rows(seed, number, len(x))].mean() for number in range(n_resamples)])


def _draw_rows(seed: int, number: int, num_videos: int) -> Int64[np.ndarray, " videos"]:
    """The rows of one sample: as many as there are, with replacement."""
    uniform = rng.uniform(rng.make_key(seed, _STREAM, number), num_videos)
    return (uniform * num_videos).astype(np.int64)


def _percentile_interval(
    value: float, values: Float64[np.ndarray, " resamples"], confidence: float
) -> Interval:
    valid = values[~np.isnan(values)]
    if len(valid) == 0:
        return Interval(value, float("nan"), float("nan"), confidence)
    outside = (1 - confidence) / 2
    low, high = np.quantile(valid, [outside, 1 - outside])
    return Interval(value, float(low), float(high), confidence)


def _check_arguments(num_videos: int, n_resamples: int, confidence: float) -> None:
    if num_videos < 1 or n_resamples < 1:
        raise ValueError(
            f"{num_videos} videos and {n_resamples} resamples, wanted 1 or more of each"
        )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}, wanted between 0 and 1")
