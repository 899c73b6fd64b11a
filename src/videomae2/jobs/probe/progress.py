"""Lines now and then about how far a long work is, how fast it goes and how long it takes."""

import time
from collections.abc import Callable

from videomae2.engine.runlog import format_duration

_LOG_INTERVAL_SECONDS = 5.0


class ProgressLog:
    """Says how far a work is: every few seconds, and at its end.

    Args:
        title: Begins each line.
        unit: What is counted.
        total: How many there are.
        first: How many were done before.
        log: Takes the lines.
    """

    def __init__(
        self, title: str, unit: str, total: int, log: Callable[[str], None], *, first: int = 0
    ) -> None:
        self.title, self.unit, self.total, self.first, self.log = title, unit, total, first, log
        self.started_at = self.logged_at = time.monotonic()

    def __call__(self, done: int, suffix: str = "") -> None:
        """Note that so many are done; ``suffix`` stands at the end of the line."""
        now = time.monotonic()
        if done < self.total and now - self.logged_at < _LOG_INTERVAL_SECONDS:
            return
        self.logged_at = now
        rate = (done - self.first) / max(1e-9, now - self.started_at)
        remaining = format_duration((self.total - done) / rate)
        self.log(
            f"{self.title} {done:>{len(str(self.total))}}/{self.total} {self.unit}  "
            f"{rate:.1f}/s  {remaining} left{suffix and f'  {suffix}'}"
        )
