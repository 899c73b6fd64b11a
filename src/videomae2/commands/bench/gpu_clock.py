"""How the minutes of ``gpu_worker`` are shared out."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """One thing to measure."""

    name: str
    kind: str
    work: Callable[[], None]


ALLOWANCES = {
    "peak": (0, 10),
    "step": (20, 110),
    "largest": (15, 110),
    "transformers": (25, 30),
    "deterministic": (15, 15),
    "profile": (20, 40),
    "compiled": (60, 120),
}
"""Seconds by kind, in their order: what a measurement is assumed to take at most (it is not begun
with less left), and what is kept for all of them. With the start, about 20 s, they fill the time;
what is left over goes on, and where there is less time each has its share of it."""


class TimeBudget:
    """Says until when measurements of a kind may run, so that later kinds keep their time."""

    def __init__(self, kinds: Sequence[str], *, end: float) -> None:
        """Share out what there is until ``end``, in ``time.monotonic`` seconds."""
        self._kinds = ("peak", *kinds)
        self._end = end
        total = sum(seconds for kind, (_, seconds) in ALLOWANCES.items() if kind in self._kinds)
        self._scale = min(1.0, max(0.0, end - time.monotonic()) / total)

    def is_requested(self, kind: str) -> bool:
        """Whether measurements of this kind are wanted."""
        return kind in self._kinds

    def end_time(self, kind: str) -> float:
        """When the last measurement of a kind should be done."""
        order = list(ALLOWANCES)
        later = [name for name in order[order.index(kind) + 1 :] if name in self._kinds]
        return self._end - self._scale * sum(ALLOWANCES[name][1] for name in later)

    def has_time_for(self, kind: str) -> bool:
        """Whether there is time to begin one of this kind."""
        return time.monotonic() + self._scale * ALLOWANCES[kind][0] <= self.end_time(kind)

    def deadline_for(self, kind: str, num_remaining: int) -> float:
        """When one of the ``num_remaining`` measurements of a kind should end."""
        now = time.monotonic()
        return now + (self.end_time(kind) - now) / max(1, num_remaining)
