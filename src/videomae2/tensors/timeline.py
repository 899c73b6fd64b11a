"""Scores of sliding windows to a time line: means over time, and what holds when.

NumPy only. Axes: windows, in the order of their starts; outputs = classes or numbers; cells =
stretches of time in which the windows on show stay the same; edges = cells + 1.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from videomae2.tensors.merging import Head

_DIGITS = 6  # moments nearer than a microsecond are one


@dataclass(frozen=True, slots=True)
class Cells:
    """A video cut into stretches of time, with the scores of each."""

    edges: Float64[np.ndarray, " edges"]
    """Seconds at which cells begin and end; they touch."""
    scores: Float64[np.ndarray, "cells outputs"]
    """Mean over the windows that show the cell."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time in which a class holds."""

    start_seconds: float
    stop_seconds: float
    output: int
    """Number of the class."""
    score: float
    """Its mean probability over that time."""


def cells(
    starts: Float64[np.ndarray, " windows"],
    stops: Float64[np.ndarray, " windows"],
    scores: Float64[np.ndarray, "windows outputs"],
) -> Cells:
    """Give each moment the mean of the windows that show it.

    Where windows leave a gap, each speaks for the time until the next one.

    Args:
        starts: Seconds at which windows begin, rising.
        stops: Seconds at which they end, not falling.
        scores: What each window says.
    """
    starts, stops = starts.round(_DIGITS), stops.round(_DIGITS)
    stops = np.maximum(stops, np.append(starts[1:], stops[-1]))
    edges = np.unique(np.concatenate((starts, stops)))
    first = np.searchsorted(stops, edges[:-1], side="right")
    after = np.searchsorted(starts, edges[:-1], side="right")
    means = [scores[a:b].mean(axis=0) for a, b in zip(first, after, strict=True)]
    return Cells(edges, np.stack(means))


def holding(
    scores: Float64[np.ndarray, "cells outputs"], head: Head, *, threshold: float, margin: float
) -> Bool[np.ndarray, "cells outputs"]:
    """Say which classes hold in which cell, with hysteresis so that they do not flicker.

    A class begins where its probability reaches the threshold and ends where it falls below the
    threshold by more than the margin. Of classes that exclude each other the one that holds is
    the most probable one, and stays until another is ahead by more than the margin.

    Args:
        scores: Probabilities.
        head: Whether classes exclude each other.
        threshold: The probability at which a class begins.
        margin: How much the answer must change before it counts.
    """
    if head == "one-class":
        return _exclusive(scores, threshold, margin)
    holds = np.zeros(scores.shape, dtype=np.bool_)
    now = np.zeros(scores.shape[1], dtype=np.bool_)
    for number, row in enumerate(scores):
        holds[number] = now = row >= np.where(now, threshold - margin, threshold)
    return holds


def segments(found: Cells, holds: Bool[np.ndarray, "cells outputs"]) -> list[Segment]:
    """Join neighbouring cells in which a class holds; by start, then by number of the class."""
    lengths = np.diff(found.edges)
    joined = []
    for output in np.flatnonzero(holds.any(axis=0)).tolist():
        for first, stop in _runs(holds[:, output]):
            part = slice(first, stop)
            score = np.average(found.scores[part, output], weights=lengths[part])
            start_seconds, stop_seconds = found.edges[[first, stop]].tolist()
            joined.append(Segment(start_seconds, stop_seconds, output, float(score)))
    return sorted(joined, key=lambda segment: (segment.start_seconds, segment.output))


def _exclusive(
    scores: Float64[np.ndarray, "cells outputs"], threshold: float, margin: float
) -> Bool[np.ndarray, "cells outputs"]:
    holds = np.zeros(scores.shape, dtype=np.bool_)
    now: int | None = None
    for number, row in enumerate(scores):
        best = int(row.argmax())
        if now is not None and row[now] < threshold - margin:
            now = None
        if row[best] >= threshold and (now is None or row[best] > row[now] + margin):
            now = best
        if now is not None:
            holds[number, now] = True
    return holds


def _runs(holds: Bool[np.ndarray, " cells"]) -> list[tuple[int, int]]:
    """(first, stop) of every stretch of True."""
    steps = np.diff(np.concatenate(([0], holds.astype(np.int8), [0])))
    firsts, stops = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return list(zip(firsts.tolist(), stops.tolist(), strict=True))
