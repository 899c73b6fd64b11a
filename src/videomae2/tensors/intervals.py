"""How sure a measured number is: bootstrap intervals over videos, also of a difference.

NumPy only. Axes: videos, rounds. Every draw is a function of the seed.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Float, Float64, Int64

from videomae2.tensors import draws

ROUNDS = 2000
"""Bootstrap rounds: the ends of a 95 % interval then move by a few hundredths of its width."""
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
    share_better: float
    """Share of the bootstrap rounds in which one was better; equal rounds count half."""

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.difference.low > 0 or self.difference.high < 0


def bootstrap(
    statistic: Statistic,
    videos: int,
    *,
    rounds: int = ROUNDS,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The percentile interval of any statistic, by drawing as many videos with replacement.

    Rounds in which it is NaN are left out.

    Args:
        statistic: Computes the number for the rows of a sample.
        videos: Number of rows.
        rounds: Samples drawn.
        confidence: Share of them within the interval, in (0, 1).
        seed: Chooses the samples.

    Raises:
        ValueError: No video, no round, or a confidence outside of (0, 1).

    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
    """
    _require(videos, rounds, confidence)
    samples = (_sample(seed, number, videos) for number in range(rounds))
    values = np.array([statistic(rows) for rows in samples])
    return _interval(statistic(np.arange(videos)), values, confidence)


def bootstrap_mean(
    values: Float[np.ndarray, " videos"],
    *,
    rounds: int = ROUNDS,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The interval of a mean over videos, such as that of hits: an accuracy."""
    _require(len(values), rounds, confidence)
    means = resampled_means(values, rounds=rounds, seed=seed)
    return _interval(float(values.mean()), means, confidence)


def compare(
    one: Float[np.ndarray, " videos"],
    other: Float[np.ndarray, " videos"],
    *,
    rounds: int = ROUNDS,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """The difference of two models on the same videos, drawn together: much sharper than apart.

    Args:
        one: A value per video, such as hits.
        other: The same of the other model, in the same order; see `compare_by_video`.
        rounds: Samples drawn.
        confidence: Share of them within the interval.
        seed: Chooses the samples.

    Raises:
        ValueError: The numbers of videos differ.
    """
    if len(one) != len(other):
        raise ValueError(f"{len(one)} values and {len(other)}: wanted the same videos in both")
    apart = one.astype(np.float64) - other
    _require(len(apart), rounds, confidence)
    means = resampled_means(apart, rounds=rounds, seed=seed)
    better = float((means > 0).mean() + (means == 0).mean() / 2)
    return Comparison(_interval(float(apart.mean()), means, confidence), better)


def compare_by_video(
    one: Mapping[Hashable, float], other: Mapping[Hashable, float], *, seed: int = 0
) -> Comparison:
    """The same for values that are kept by the identity of their video.

    Raises:
        ValueError: Some videos have a value of one model only; the first are named.
    """
    if alone := list(one.keys() ^ other.keys()):
        some = ", ".join(sorted(map(str, alone))[:3])
        raise ValueError(f"{len(alone)} videos have a value of one model only: {some}")
    pairs = np.array([(one[video], other[video]) for video in one], dtype=np.float64)
    return compare(pairs.reshape(-1, 2)[:, 0], pairs.reshape(-1, 2)[:, 1], seed=seed)


def wilson(hits: float, videos: int, *, confidence: float = 0.95) -> Interval:
    """The interval of a share of few videos, also sane where all or none are hits.

    A bootstrap of nothing but hits says "certainly 100 %"; this does not.

    Source: Wilson, "Probable inference", JASA 1927.
    """
    _require(videos, 1, confidence)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, wide = hits / videos, 1 + z * z / videos
    middle = (share + z * z / (2 * videos)) / wide
    half = z / wide * (share * (1 - share) / videos + z * z / (4 * videos**2)) ** 0.5
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half), confidence)


def resampled_means(
    values: Float[np.ndarray, " videos"], *, rounds: int = ROUNDS, seed: int = 0
) -> Float64[np.ndarray, " rounds"]:
    """The mean of every sample with replacement."""
    x = values.astype(np.float64)
    return np.array([x[_sample(seed, number, len(x))].mean() for number in range(rounds)])


def _sample(seed: int, number: int, videos: int) -> Int64[np.ndarray, " videos"]:
    """The rows of one sample: as many as there are, with replacement."""
    uniform = draws.uniform(draws.key(seed, _STREAM, number), videos)
    return (uniform * videos).astype(np.int64)


def _interval(value: float, values: Float64[np.ndarray, " rounds"], confidence: float) -> Interval:
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return Interval(value, float("nan"), float("nan"), confidence)
    outside = (1 - confidence) / 2
    low, high = np.quantile(known, [outside, 1 - outside])
    return Interval(value, float(low), float(high), confidence)


def _require(videos: int, rounds: int, confidence: float) -> None:
    if videos < 1 or rounds < 1:
        raise ValueError(f"{videos} videos and {rounds} rounds, wanted 1 or more of each")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}, wanted between 0 and 1")
