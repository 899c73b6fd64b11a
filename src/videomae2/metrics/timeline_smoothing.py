"""Smoothing of a time line: scores of sliding windows → means over time, and what holds when.

NumPy only. Axes: windows, in the order of their starts; outputs = classes or numbers; bins =
stretches of time in which the windows on show stay the same; edges = bins + 1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from videomae2.metrics.classification import ClassificationType

_TIME_DIGITS = 6  # moments nearer than a microsecond are one


@dataclass(frozen=True, slots=True)
class TimeBins:
    """A video cut into stretches of time, with the scores of each."""

    edges: Float64[np.ndarray, " edges"]
    """Seconds at which bins begin and end; they touch."""
    scores: Float64[np.ndarray, "bins outputs"]
    """Mean over the windows that show the bin; NaN where there is nothing to show."""

    def iterate_scored(self) -> Iterator[tuple[float, float, Float64[np.ndarray, " outputs"]]]:
        """Start, stop and scores of each bin that has scores."""
        edges = self.edges.tolist()
        for start, stop, row in zip(edges[:-1], edges[1:], self.scores, strict=True):
            if not np.isnan(row).any():
                yield start, stop, row


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time in which a class holds."""

    start_seconds: float
    stop_seconds: float
    output: int
    """Number of the class."""
    score: float
    """Its mean probability over that time."""


def smooth_windows(
    starts: Float64[np.ndarray, " windows"],
    stops: Float64[np.ndarray, " windows"],
    scores: Float64[np.ndarray, "windows outputs"],
    jumps: Sequence[tuple[float, float]] = (),
) -> TimeBins:
    """Give each moment the mean of the windows that show it.

    Windows begin and end at rising seconds. Where they leave a gap, each speaks for the time until
    the next one, but not for ``jumps``, stretches of time without a frame: they have no scores.
    """
    starts, stops = starts.round(_TIME_DIGITS), stops.round(_TIME_DIGITS)
    until = np.append(starts[1:], stops[-1])
    for start, stop in np.round(np.reshape(jumps, (-1, 2)), _TIME_DIGITS):
        until = np.where((starts < stop) & (until >= stop), np.minimum(until, start), until)
    stops = np.maximum(stops, until)
    edges = np.unique(np.concatenate((starts, stops)))
    first = np.searchsorted(stops, edges[:-1], side="right")
    after = np.searchsorted(starts, edges[:-1], side="right")
    nothing = np.full(scores.shape[1], np.nan)
    means = [
        scores[a:b].mean(axis=0) if a < b else nothing for a, b in zip(first, after, strict=True)
    ]
    return TimeBins(edges, np.stack(means))


def compute_activations(
    scores: Float64[np.ndarray, "bins outputs"],
    task_type: ClassificationType,
    *,
    threshold: float,
    hysteresis: float,
) -> Bool[np.ndarray, "bins outputs"]:
    """Say which classes hold in which bin, with hysteresis so that they do not flicker.

    A class begins where its probability reaches the threshold and ends where it falls below that by
    more than the hysteresis. Of classes that exclude each other the most probable one holds, and
    stays until another is ahead by more than the hysteresis.
    """
    if task_type == "multiclass":
        return _exclusive_activations(scores, threshold, hysteresis)
    active = np.zeros(scores.shape, dtype=np.bool_)
    is_active = np.zeros(scores.shape[1], dtype=np.bool_)
    for number, row in enumerate(scores):
        active[number] = is_active = row >= np.where(is_active, threshold - hysteresis, threshold)
    return active


def find_segments(bins: TimeBins, active: Bool[np.ndarray, "bins outputs"]) -> list[Segment]:
    """Join neighbouring bins in which a class holds; by start, then by number of the class."""
    lengths = np.diff(bins.edges)
    result = []
    for output in np.flatnonzero(active.any(axis=0)).tolist():
        steps = np.diff(active[:, output].astype(np.int8), prepend=0, append=0)
        firsts, stops = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
        for first, stop in zip(firsts.tolist(), stops.tolist(), strict=True):
            span = slice(first, stop)
            score = np.average(bins.scores[span, output], weights=lengths[span])
            start_seconds, stop_seconds = bins.edges[[first, stop]].tolist()
            result.append(Segment(start_seconds, stop_seconds, output, float(score)))
    return sorted(result, key=lambda segment: (segment.start_seconds, segment.output))


def _exclusive_activations(
    scores: Float64[np.ndarray, "bins outputs"], threshold: float, hysteresis: float
) -> Bool[np.ndarray, "bins outputs"]:
    active = np.zeros(scores.shape, dtype=np.bool_)
    current: int | None = None
    for number, row in enumerate(scores):
        if np.isnan(row).any():
            current = None
            continue
        best = int(row.argmax())
        if current is not None and row[current] < threshold - hysteresis:
            current = None
        if row[best] >= threshold and (current is None or row[best] > row[current] + hysteresis):
            current = best
        if current is not None:
            active[number, current] = True
    return active
