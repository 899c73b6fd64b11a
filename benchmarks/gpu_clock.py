"""How the minutes of bench-gpu are shared out."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """One thing to measure."""

    title: str
    kind: str
    work: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Allowance:
    """The seconds of a kind of measurement."""

    single_seconds: float
    """What one is assumed to take at most; it is not begun with less left."""
    total_seconds: float
    """Kept for all of them: what comes before ends early enough."""


ALLOWANCES = {
    "peak": Allowance(0, 10),
    "step": Allowance(20, 110),
    "largest": Allowance(15, 110),
    "transformers": Allowance(25, 30),
    "deterministic": Allowance(15, 15),
    "profile": Allowance(20, 40),
    "compiled": Allowance(60, 120),
}
"""In their order. With the start, about 20 s, they fill the time; what is left over goes on, and
where there is less time each has its share of it."""


class TimeBudget:
    """Says until when measurements of a kind may run, so that later kinds keep their time."""

    def __init__(self, kinds: Sequence[str], *, end: float) -> None:
        """Share out what there is.

        Args:
            kinds: What is wanted, beside the peak.
            end: When everything should be done, in ``time.monotonic`` seconds.
        """
        requested = {n: a.total_seconds for n, a in ALLOWANCES.items() if n == "peak" or n in kinds}
        remaining_seconds = max(0.0, end - time.monotonic())
        self._scale = min(1.0, remaining_seconds / sum(requested.values()))
        self._reserved = {name: self._scale * seconds for name, seconds in requested.items()}
        self._end = end

    def is_requested(self, kind: str) -> bool:
        """Whether measurements of this kind are wanted."""
        return kind in self._reserved

    def end_time(self, kind: str) -> float:
        """When the last measurement of a kind should be done."""
        order = list(ALLOWANCES)
        later = order[order.index(kind) + 1 :]
        return self._end - sum(self._reserved.get(name, 0.0) for name in later)

    def has_time_for(self, kind: str) -> bool:
        """Whether there is time to begin one of this kind."""
        return time.monotonic() + self._scale * ALLOWANCES[kind].single_seconds <= self.end_time(
            kind
        )

    def deadline_for(self, kind: str, num_remaining: int) -> float:
        """When one of the ``num_remaining`` measurements of a kind should end."""
        now = time.monotonic()
        return now + (self.end_time(kind) - now) / max(1, num_remaining)
