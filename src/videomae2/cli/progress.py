"""How a command says what it does: lines as they come, and a progress line on standard error.

The progress line tells how far, how fast, and how long it will take. On a terminal it is written
again and again; elsewhere a new one now and then.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from videomae2.base.text import format_duration

_TERMINAL_SECONDS, _FILE_SECONDS = 0.5, 30.0


_ERASE = "\r\x1b[K"


@runtime_checkable
class TextStream(Protocol):
    """What a line can be written to."""

    def write(self, text: str, /) -> int: ...
    def flush(self) -> None: ...
    def isatty(self) -> bool: ...


class LogHandler(logging.Handler):
    """Prints the lines of the log as they come."""

    def __init__(self, *, on_stderr: bool) -> None:
        super().__init__()
        self.on_stderr = on_stderr

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr if self.on_stderr else sys.stdout, flush=True)


@contextmanager
def show_log(*, on_stderr: bool) -> Iterator[None]:
    """Print what the package logs for as long as the context lasts."""
    logger, handler = logging.getLogger("videomae2"), LogHandler(on_stderr=on_stderr)
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class ProgressLine:
    """Says how far some work is, not too often."""

    def __init__(
        self, stream: TextStream | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._on_terminal = self._stream.isatty()
        self._shown = False
        self.start()

    def start(self) -> None:
        """Count time from here: another piece of work begins."""
        self._started = self._last = self._clock()

    def show_videos(self, num_done: int, total: int | None) -> None:
        """Say how many videos are done, of how many if that is known."""
        rate = num_done / max(1e-9, self._clock() - self._started)
        parts = [f"{num_done} videos" if total is None else f"{num_done} of {total} videos"]
        parts.append(f"{rate:.3g} videos/s")
        if total is not None:
            parts.append(f"{format_duration((total - num_done) / max(rate, 1e-9))} left")
        self._write_line("  ".join(parts))

    def track_video(self, title: str) -> Callable[[float, float], None]:
        """Count time from here, and give what says how many seconds of a video are done."""
        self.start()

        def update(done: float, length: float) -> None:
            rate = done / max(1e-9, self._clock() - self._started)
            remaining_seconds = (length - done) / max(rate, 1e-9)
            self._write_line(
                f"{title}  {format_duration(done)} of {format_duration(length)}  "
                f"{rate:.3g} times its own speed  {format_duration(remaining_seconds)} left"
            )

        return update

    def clear(self) -> None:
        """Take the line away before something else is written."""
        if self._shown:
            self._stream.write(_ERASE)
            self._stream.flush()
            self._shown = False

    def _write_line(self, line: str) -> None:
        now, on_terminal = self._clock(), self._on_terminal
        if now - self._last < (_TERMINAL_SECONDS if on_terminal else _FILE_SECONDS):
            return
        self._last, self._shown = now, on_terminal
        self._stream.write(f"{_ERASE}{line}" if on_terminal else f"{line}\n")
        self._stream.flush()
