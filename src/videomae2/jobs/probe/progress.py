"""Lines now and then about how far a long work is, how fast it goes and how long it takes."""

import time
from collections.abc import Callable

from videomae2.engine.runlog import duration

_SAY_SECONDS = 5.0


class Progress:
    """Says how far a work is: every few seconds, and at its end.

    Args:
        title: Begins each line.
        unit: What is counted.
        total: How many there are.
        first: How many were done before.
        say: Takes the lines.
    """

    def __init__(
        self, title: str, unit: str, total: int, say: Callable[[str], None], *, first: int = 0
    ) -> None:
        self.title, self.unit, self.total, self.first, self.say = title, unit, total, first, say
        self.started = self.said = time.monotonic()

    def __call__(self, done: int, more: str = "") -> None:
        """Note that so many are done; ``more`` stands at the end of the line."""
        now = time.monotonic()
        if done < self.total and now - self.said < _SAY_SECONDS:
            return
        self.said = now
        rate = (done - self.first) / max(1e-9, now - self.started)
        left = duration((self.total - done) / rate)
        self.say(
            f"{self.title} {done:>{len(str(self.total))}}/{self.total} {self.unit}  "
            f"{rate:.1f}/s  {left} left{more and f'  {more}'}"
        )
