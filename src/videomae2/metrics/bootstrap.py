"""How sure a measured number is: bootstrap intervals over videos, also of a difference.

Axes: videos, resamples.
"""

import warnings
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float64, Int64

CONFIDENCE = 0.95
"""Share of the samples within an interval."""
N_RESAMPLES = 2000
"""The ends of a 95 % interval then move by a few hundredths of its width from seed to seed."""

_MAX_SCORES = 20_000_000  # of all samples of an interval
_MAX_DRAWN = 2**20  # rows drawn at once, which bounds the memory

Statistic = Callable[[Int64[np.ndarray, " videos"]], float]
"""A number of a sample, given as the rows that are in it (some more than once)."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How many samples of videos are drawn for an interval, and which."""

    n_resamples: int = N_RESAMPLES
    seed: int = 0

    def limit(self, num_scores: int) -> "Bootstrap":
        """Fewer samples where each looks at very many scores, but a hundred or those wanted."""
        affordable = max(100, _MAX_SCORES // max(1, num_scores))
        return replace(self, n_resamples=min(self.n_resamples, affordable))


@dataclass(frozen=True, slots=True)
class Interval:
    """A measured value, and between which values it may lie."""

    value: float
    low: float
    high: float
    confidence: float = CONFIDENCE


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much better one model is than another on the same videos."""

    difference: Interval
    """Mean of one minus mean of the other."""
    fraction_better: float
    """Share of the samples in which one was better; equal ones count half."""

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.difference.low > 0 or self.difference.high < 0


def bootstrap(
    statistic: Statistic, num_videos: int, resampling: Bootstrap = Bootstrap()
) -> Interval:
    """The percentile interval of any statistic, by drawing as many videos with replacement.

    Samples of which it is NaN are left out, as those of an mAP without a positive video.

    Raises:
        ValueError: No video, or no sample.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
    """
    rows = np.arange(num_videos)
    values = _resample(rows, statistic, resampling, vectorized=False)
    return _percentile_interval(statistic(rows), values)


def bootstrap_mean(
    values: Float[np.ndarray, " videos"], resampling: Bootstrap = Bootstrap()
) -> Interval:
    """The interval of a mean over videos."""
    means = _resample(values.astype(np.float64), np.mean, resampling, vectorized=True)
    return _percentile_interval(float(values.mean()), means)


def accuracy_interval(
    hits: Float[np.ndarray, " videos"], resampling: Bootstrap = Bootstrap()
) -> Interval:
    """The bootstrap interval of a share of videos; Wilson's where all are hits or none is.

    A bootstrap of nothing but hits would be certain.
    """
    if len(hits) and hits.min() == hits.max() and hits[0] in (0.0, 1.0):
        return wilson_interval(int(hits.sum()), len(hits))
    return bootstrap_mean(hits, resampling)


def widen_if_certain(interval: Interval, hits: Float[np.ndarray, " videos"]) -> Interval:
    """An accuracy with its interval, or Wilson's of the hits where a bootstrap would be certain."""
    if interval.low < interval.high:
        return interval
    wilson, value = wilson_interval(int(hits.sum()), len(hits)), interval.value
    return Interval(value, min(wilson.low, value), max(wilson.high, value))


def compare_by_video(
    values: Mapping[Hashable, float], baseline: Mapping[Hashable, float], *, seed: int = 0
) -> Comparison:
    """The difference of two models on the same videos, drawn together: much sharper than apart.

    Both have a value, such as a hit, by the identity of each video.

    Raises:
        ValueError: Some videos have a value of one model only; the first are named.
    """
    if unmatched := list(values.keys() ^ baseline.keys()):
        examples = ", ".join(sorted(map(str, unmatched))[:3])
        raise ValueError(f"{len(unmatched)} videos have a value of one model only: {examples}")
    differences = np.array([values[video] - baseline[video] for video in values], dtype=np.float64)
    resampling = Bootstrap(seed=seed)
    means = _resample(differences, np.mean, resampling, vectorized=True)
    fraction_better = float((means > 0).mean() + (means == 0).mean() / 2)
    return Comparison(_percentile_interval(float(differences.mean()), means), fraction_better)


def wilson_interval(hits: int, num_videos: int) -> Interval:
    """The interval of a share of few videos, also sane where all or none are hits.

    Source: Wilson, "Probable inference", JASA 1927.
    """
    from scipy.stats import binomtest

    interval = binomtest(hits, num_videos).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(hits / num_videos, float(interval.low), float(interval.high))


def _resample(
    data: np.ndarray, statistic: Callable[..., float], resampling: Bootstrap, *, vectorized: bool
) -> Float64[np.ndarray, " resamples"]:
    counts = f"{len(data)} videos and {resampling.n_resamples} resamples"
    if len(data) < 1 or resampling.n_resamples < 1:
        raise ValueError(f"{counts}, wanted 1 or more of each")
    if len(data) == 1:  # scipy wants two or more
        return np.array([statistic(data)])
    from scipy import stats

    with warnings.catch_warnings():
        # of samples that are NaN; they are left out below, where scipy would give up
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            (data,),
            statistic,
            n_resamples=resampling.n_resamples,
            batch=max(1, _MAX_DRAWN // len(data)),
            vectorized=vectorized,
            method="percentile",
            rng=np.random.default_rng(resampling.seed),
        )
    return np.atleast_1d(result.bootstrap_distribution)


def _percentile_interval(value: float, values: Float64[np.ndarray, " resamples"]) -> Interval:
    valid = values[~np.isnan(values)]
    if len(valid) == 0:
        return Interval(value, float("nan"), float("nan"))
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile(valid, [outside, 1 - outside])
    return Interval(value, float(low), float(high))
