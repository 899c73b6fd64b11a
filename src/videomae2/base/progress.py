"""How far a long job is: a bar on a terminal, else a line now and then, and a line at its end.

A job tells ``track`` how much there is to do and how much is done. Who shows it is set by the
program: without a display of its own, lines go to the log.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from videomae2.base.text import format_count, format_duration

_logger = logging.getLogger(__name__)
_LOG_INTERVAL_SECONDS = 30.0
_WORTH_A_LINE_SECONDS = 5.0

Number = int | float


@runtime_checkable
class Progress(Protocol):
    """One job while it is shown."""

    def advance(self, count: Number = 1, **metrics: Number) -> None:
        """Add what was done, and show the newest metrics, such as the loss."""

    def close(self) -> None:
        """Show it no longer."""


Display = Callable[[str, Number | None, str, Number], Progress]
"""Title, total (None if unknown), unit and what was done before → the progress of a job."""


def format_done(done: Number, total: Number | None, unit: str, separator: str) -> str:
    """Counts in full, seconds to a tenth: 3 of 10 videos."""
    of_total = f"{round(done, 1):.15g}{separator}" if total is not None else ""
    return of_total + format_count(round(done if total is None else total, 1), unit, ".15g")


def format_rate(per_second: float, unit: str) -> str:
    """How fast it goes, to three digits."""
    return f"{format_count(per_second, unit, '.3g' if per_second < 100 else '.0f')}/s"


def format_metrics(metrics: Mapping[str, Number]) -> str:
    """Numbers with their names; those that are called a share in percent."""
    texts = (
        f"{name.removesuffix('_share').replace('_', ' ')} "
        f"{f'{value:.0%}' if name.endswith('_share') else f'{value:.4g}'}"
        for name, value in metrics.items()
    )
    return "  ".join(texts)


class _Job:
    """A job while it lasts: on the display of the program if it has one, and in the log.

    A line every 30 seconds where nothing else shows it, and one at the end of what took a while.
    """

    def __init__(
        self,
        title: str,
        total: Number | None,
        unit: str,
        done: Number,
        *,
        shown: Progress | None,
        clock: Callable[[], float],
    ) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = self._first = done
        self.metrics: dict[str, Number] = {}
        self._shown, self._clock = shown, clock
        self._started_at = self._logged_at = clock()

    def advance(self, count: Number = 1, **metrics: Number) -> None:
        self.done += count
        self.metrics |= metrics
        if self._shown is not None:
            self._shown.advance(count, **metrics)
        elif self._clock() - self._logged_at >= _LOG_INTERVAL_SECONDS:
            self._logged_at = self._clock()
            _logger.info(self._format_line(is_end=False))

    def close(self) -> None:
        if self._shown is not None:
            self._shown.close()
        if self._clock() - self._started_at >= _WORTH_A_LINE_SECONDS:
            _logger.info(self._format_line(is_end=True))

    def _format_line(self, *, is_end: bool) -> str:
        seconds = self._clock() - self._started_at
        rate = (self.done - self._first) / max(1e-9, seconds)
        done = format_done(self.done, self.total, self.unit, " of ")
        parts = [f"{self.title}: {done}", format_rate(rate, self.unit)]
        if is_end:
            parts.append(f"in {format_duration(seconds)}")
        elif self.total is not None and rate > 0:
            parts.append(f"{format_duration((self.total - self.done) / rate)} left")
        return "  ".join([*parts, *filter(None, [format_metrics(self.metrics)])])


class _NoProgress:
    """For a job that logs lines of its own."""

    def advance(self, count: Number = 1, **metrics: Number) -> None:
        pass

    def close(self) -> None:
        pass


_display: Display | None = None


def set_display(display: Display | None) -> None:
    """Choose who shows the jobs of this process from now on; None is the log."""
    global _display
    _display = display


def start_progress(
    title: str,
    *,
    total: Number | None,
    unit: str = "video",
    done: Number = 0,
    log_lines: bool = True,
    clock: Callable[[], float] = time.monotonic,
) -> Progress:
    """Show how far a job is until the progress is closed.

    Args:
        title: What is done, in a word or two.
        total: How much there is to do, in units; None if nobody knows.
        unit: What is counted, in the singular.
        done: What an earlier call had done already; no part of the rate.
        log_lines: Say it in lines of the log, too; False for a job with lines of its own.
        clock: Seconds.
    """
    shown = None if _display is None else _display(title, total, unit, done)
    if not log_lines:
        return shown or _NoProgress()
    return _Job(title, total, unit, done, shown=shown, clock=clock)


@contextmanager
def track(
    title: str, *, total: Number | None, unit: str = "video", done: Number = 0
) -> Iterator[Progress]:
    """Show how far a job is for as long as the context lasts; see ``start_progress``."""
    progress = start_progress(title, total=total, unit=unit, done=done)
    try:
        yield progress
    finally:
        progress.close()
