"""How far a long job is: a bar on a terminal, else a line now and then.

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


class LogProgress:
    """Says in a line of the log how far a job is, every 30 seconds and then at its end."""

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
        self.metrics: dict[str, Number] = {}
        self._logged_done: Number = done
        self._clock = clock
        self._started_at = self._logged_at = clock()

    def advance(self, count: Number = 1, **metrics: Number) -> None:
        self.done += count
        self.metrics |= metrics
        if self._clock() - self._logged_at >= _LOG_INTERVAL_SECONDS:
            self._log()

    def close(self) -> None:
        if self._logged_done not in (self._first, self.done):  # of a short job nothing was said
            self._log()

    def _log(self) -> None:
        self._logged_at, self._logged_done = self._clock(), self.done
        _logger.info(self._format_line(self._logged_at))

    def _format_line(self, now: float) -> str:
        rate = (self.done - self._first) / max(1e-9, now - self._started_at)
        done = format_done(self.done, self.total, self.unit, " of ")
        parts = [f"{self.title}: {done}", format_rate(rate, self.unit)]
        if self.total is not None and rate > 0:
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
) -> Progress:
    """Show how far a job is until the progress is closed.

    Args:
        title: What is done, in a word or two.
        total: How much there is to do, in units; None if nobody knows.
        unit: What is counted, in the singular.
        done: What an earlier call had done already; no part of the rate.
        log_lines: Without a display, say it in lines of the log; False for a job with lines of its
            own.
    """
    if _display is None and not log_lines:
        return _NoProgress()
    return (_display or LogProgress)(title, total, unit, done)


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
