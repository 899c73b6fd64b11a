"""How far a long job is: a bar on a terminal, else a line now and then.

A job tells ``track`` how much there is to do and how much is done. Who shows it is set by the
program: without a display of its own, lines go to the log.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from videomae2.base.text import format_duration

_logger = logging.getLogger(__name__)
_LOG_INTERVAL_SECONDS = 30.0

Number = int | float


class Progress(Protocol):
    """One job while it is shown."""

    def advance(self, count: Number = 1, **metrics: Number) -> None:
        """Add what was done, and show the newest metrics, such as the loss."""

    def close(self) -> None:
        """Show it no longer."""


Display = Callable[[str, Number | None, str, Number], Progress]
"""Title, total (None if unknown), unit and what was done before → the progress of a job."""


class LogProgress:
    """Says in a line of the log how far a job is, at most every 30 seconds."""

    def __init__(
        self,
        title: str,
        total: Number | None,
        unit: str,
        done: Number,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = self._first = done
        self._clock = clock
        self._started_at = self._logged_at = clock()

    def advance(self, count: Number = 1, **metrics: Number) -> None:
        self.done += count
        now = self._clock()
        if now - self._logged_at >= _LOG_INTERVAL_SECONDS:
            self._logged_at = now
            _logger.info(self._format_line(now, metrics))

    def close(self) -> None:
        """Nothing is left on the screen."""

    def _format_line(self, now: float, metrics: dict[str, Number]) -> str:
        rate = (self.done - self._first) / max(1e-9, now - self._started_at)
        of_total = "" if self.total is None else f" of {self.total:g}"
        parts = [f"{self.title}: {self.done:g}{of_total} {self.unit}", f"{rate:.3g} {self.unit}/s"]
        if self.total is not None and rate > 0:
            parts.append(f"{format_duration((self.total - self.done) / rate)} left")
        return "  ".join([*parts, *(f"{name} {value:.4g}" for name, value in metrics.items())])


_display: Display = LogProgress


def set_display(display: Display | None) -> None:
    """Choose who shows the jobs of this process from now on; None is the log."""
    global _display
    _display = display or LogProgress


@contextmanager
def track(
    title: str, *, total: Number | None, unit: str = "videos", done: Number = 0
) -> Iterator[Progress]:
    """Show how far a job is for as long as the context lasts.

    Args:
        title: What is done, in a word or two.
        total: How much there is to do, in units; None if nobody knows.
        unit: What is counted, in the plural.
        done: What an earlier call had done already; no part of the rate.
    """
    progress = _display(title, total, unit, done)
    try:
        yield progress
    finally:
        progress.close()
