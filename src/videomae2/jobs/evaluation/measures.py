"""Scores of videos to numbers with intervals, whatever the outputs mean.

Axes: videos; outputs; parts = ways to take some of the views.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from videomae2.data.view_grid import ViewGridConfig
from videomae2.jobs.evaluation.gathering import Gathered, gather
from videomae2.jobs.evaluation.number_measures import number_measures
from videomae2.jobs.evaluation.results import (
    ByViews,
    Calibration,
    Draw,
    Measures,
    OutputResult,
)
from videomae2.jobs.evaluation.video_results import Right, videos_of
from videomae2.jobs.scoring import Scores
from videomae2.tensors import accuracy, calibration, intervals
from videomae2.tensors.precision import average_precisions, mean_average_precision

_TOP = 5
_SORTED_NUMBERS = 20_000_000  # bounds the rounds of intervals whose every round sorts all scores


def measure(
    scores: Iterable[Scores], grid: ViewGridConfig, right: Right, draw: Draw
) -> tuple[Gathered, Measures]:
    """Take every measure.

    Args:
        scores: Of the views of every video.
        grid: What the views are.
        right: The right answers, in the same order; at least one video.
        draw: The samples of the intervals.
    """
    if right.answers == "one-class":
        gathered = gather(scores, grid, "one-class", judge=_hits(right.labels))
        return gathered, _one_class(gathered, right, draw)
    if right.answers == "many-classes":
        gathered = gather(scores, grid, "many-classes", judge=lambda parts, row: parts)
        return gathered, _many_classes(gathered, right, draw)
    off = _errors(right.targets)
    gathered = gather(scores, grid, "numbers", judge=off)
    return gathered, number_measures(gathered, right, draw)


def mean_interval(values: Float[np.ndarray, " videos"], draw: Draw) -> intervals.Interval:
    """The interval of a share of videos.

    Where all or none are hits it is Wilson's, for a bootstrap would be certain.
    """
    if set(np.unique(values)) in ({0.0}, {1.0}):
        return intervals.wilson(float(values.sum()), len(values))
    return intervals.bootstrap_mean(values, rounds=draw.rounds, seed=draw.seed)


def _uncertain(found: intervals.Interval, hits: np.ndarray) -> intervals.Interval:
    """An accuracy with an interval: Wilson's of the hits where a bootstrap would be certain."""
    if found.low < found.high:
        return found
    wide = intervals.wilson(float(hits.sum()), len(hits))
    low, high = min(wide.low, found.value), max(wide.high, found.value)
    return replace(wide, value=found.value, low=low, high=high)


def _hits(labels: Int64[np.ndarray, " videos"]) -> Callable[[np.ndarray, int], np.ndarray]:
    def judge(parts: np.ndarray, row: int) -> np.ndarray:
        wanted = np.full(len(parts), labels[row])
        return accuracy.top_k_hits(parts, wanted, k=1)[:, None]

    return judge


def _errors(targets: Float64[np.ndarray, "videos outputs"]) -> Callable[..., np.ndarray]:
    def judge(parts: np.ndarray, row: int) -> np.ndarray:
        off: np.ndarray = np.abs(parts - targets[row]).mean(axis=1)[:, None]
        return off

    return judge


def _one_class(gathered: Gathered, right: Right, draw: Draw) -> Measures:
    found, labels = gathered.merged, right.labels
    hits, count = accuracy.top_k_hits(found, labels, k=1), found.shape[1]

    def of_classes(rows: np.ndarray) -> float:
        return float(np.nanmean(accuracy.per_class_mean(hits[rows], labels[rows], count)))

    numbers = {"top-1 accuracy": mean_interval(hits, draw)}
    if count > _TOP:
        best = accuracy.top_k_hits(found, labels, k=_TOP)
        numbers[f"top-{_TOP} accuracy"] = mean_interval(best, draw)
    mean_class = intervals.bootstrap(of_classes, len(labels), rounds=draw.rounds, seed=draw.seed)
    numbers["mean-class accuracy"] = _uncertain(mean_class, hits)
    confusion = accuracy.confusion_matrix(found, labels)
    by_views = zip(gathered.parts, gathered.by_part.mean(axis=(1, 2)), strict=True)
    return Measures(
        numbers=numbers,
        outputs=tuple(_classes(right.classes, confusion, hits, labels)),
        confusion=confusion,
        calibration=_calibration(found, labels, len(labels), draw) if len(labels) > 1 else None,
        by_views=tuple(ByViews(*part, float(value)) for part, value in by_views),
        videos=tuple(videos_of(found, right)),
    )


def _classes(
    names: Sequence[str], confusion: np.ndarray, hits: np.ndarray, labels: np.ndarray
) -> Iterable[OutputResult]:
    for label, name in enumerate(names):
        own, row = hits[labels == label], confusion[label].copy()
        row[label] = 0
        taken_for = names[int(row.argmax())] if row.any() else ""
        if len(own) == 0:
            yield OutputResult(name=name, videos=0, value=np.nan, low=np.nan, high=np.nan)
            continue
        sure = intervals.wilson(float(own.sum()), len(own))
        yield OutputResult(
            name=name,
            videos=len(own),
            value=sure.value,
            low=sure.low,
            high=sure.high,
            taken_for=taken_for,
        )


def _calibration(found: np.ndarray, labels: np.ndarray, videos: int, draw: Draw) -> Calibration:
    """Of one answer per video, or of several: then all first answers, all second ones and so on.

    All answers of a video are drawn together, and are in the same half.
    """
    each = np.arange(len(found) // videos)[:, None] * videos
    reliability = calibration.reliability(found, labels)
    fitted = calibration.fit_temperature(found, labels)
    even = videos - videos % 2 if len(each) > 1 else videos
    half = (each + np.arange(even)).ravel()
    crossed = calibration.cross_rescaled(found[half], labels[half])

    def error(rows: np.ndarray) -> float:
        drawn = (each + rows).ravel()
        return calibration.expected_calibration_error(found[drawn], labels[drawn])

    rounds = _rounds(found.size, draw)
    return Calibration(
        reliability=reliability,
        error=intervals.bootstrap(error, videos, rounds=rounds, seed=draw.seed),
        log_loss=calibration.negative_log_likelihood(found, labels),
        temperature=fitted.value,
        at_limit=fitted.at_limit,
        error_after=calibration.expected_calibration_error(crossed, labels[half]),
        log_loss_after=calibration.negative_log_likelihood(crossed, labels[half]),
    )


def _many_classes(gathered: Gathered, right: Right, draw: Draw) -> Measures:
    found, positive = gathered.merged, right.targets > 0.5
    told = (found > 0.5) == positive

    def of_sample(rows: np.ndarray) -> float:
        return _precision(found[rows], positive[rows])

    rounds = _rounds(found.size, draw)
    numbers = {
        "mAP": intervals.bootstrap(of_sample, len(found), rounds=rounds, seed=draw.seed),
        "labels told right": mean_interval(told.mean(axis=1), draw),
        "videos with all labels right": mean_interval(told.all(axis=1).astype(float), draw),
    }
    average = average_precisions(found, positive)
    outputs = [
        OutputResult(name=name, videos=int(has.sum()), value=float(value), low=np.nan, high=np.nan)
        for name, has, value in zip(right.classes, positive.T, average, strict=True)
    ]
    parts = [_precision(part.astype(np.float64), positive) for part in gathered.by_part]
    column, videos = found.T.ravel(), len(found)
    pairs, holds = np.stack([1 - column, column], axis=1), positive.T.ravel().astype(np.int64)
    return Measures(
        numbers=numbers,
        outputs=tuple(outputs),
        confusion=None,
        calibration=_calibration(pairs, holds, videos, draw) if videos > 1 else None,
        by_views=tuple(ByViews(*p, value) for p, value in zip(gathered.parts, parts, strict=True)),
        videos=tuple(videos_of(found, right)),
    )


def _precision(
    found: Float64[np.ndarray, "videos outputs"], positive: Bool[np.ndarray, "videos outputs"]
) -> float:
    """The mAP; NaN where no label holds for any video."""
    return mean_average_precision(found, positive) if positive.any() else float("nan")


def _rounds(numbers: int, draw: Draw) -> int:
    return min(draw.rounds, max(100, _SORTED_NUMBERS // max(1, numbers)))
