"""The log and the bars of long jobs, on a terminal or in a pipe.

rich is imported when it is first used: commands start without it.
"""

import contextlib
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from videomae2.base.names import printable
from videomae2.base.progress import Number, format_done, format_metrics, format_rate, set_display
from videomae2.base.summary import LABEL_WIDTH, Summary
from videomae2.base.text import format_duration
from videomae2.cli.terminal import GAP, build_grid

_REFRESHES_PER_SECOND = 4
_LABEL = re.compile(r"\S* {2,}")


class BarDisplay:
    """All jobs that run now, a bar each, at the bottom of the terminal."""

    def __init__(self) -> None:
        self.bars: Any = None
        """rich's ``Progress`` while there is a job."""

    def __call__(self, title: str, total: Number | None, unit: str, done: Number) -> "Bar":
        self.bars = self.bars or _start_bars()
        task = self.bars.add_task(title, total=total, completed=done, unit=unit, metrics="")
        return Bar(self, task)

    def remove(self, task: int) -> None:
        """Show a job no longer; what is printed above stays."""
        self.bars.refresh()
        self.bars.remove_task(task)
        if not self.bars.task_ids:
            self.stop()

    def stop(self) -> None:
        """Take all bars away."""
        if self.bars is not None:
            self.bars.stop()
            self.bars = None


class Bar:
    """One job of them."""

    def __init__(self, display: BarDisplay, task: int) -> None:
        self._display, self._task = display, task

    def advance(self, count: Number = 1, **metrics: Number) -> None:
        """Add what was done, and show the newest metrics."""
        bars = self._display.bars
        if metrics:
            bars.update(self._task, metrics=format_metrics(metrics))
        bars.advance(self._task, count)

    def close(self) -> None:
        """Show it no longer."""
        self._display.remove(self._task)


class LogHandler(logging.Handler):
    """Prints the lines of the log as they come, above the bars if there are some."""

    def __init__(self, display: BarDisplay, *, on_stderr: bool) -> None:
        super().__init__()
        self.display, self.on_stderr = display, on_stderr

    def emit(self, record: logging.LogRecord) -> None:
        """Print it; a line that cannot be printed is dropped, for the work outlives its readers."""
        stream = sys.stderr if self.on_stderr else sys.stdout
        with contextlib.suppress(OSError, ValueError):
            if stream.isatty():
                self._print_wrapped(record, stream)
            else:
                _write_line(stream, printable(self.format(record)))

    def _print_wrapped(self, record: logging.LogRecord, stream: TextIO) -> None:
        """Wrap at words, what goes on under the text and not under its label."""
        from rich.console import Console

        bars = self.display.bars
        console = Console(file=stream) if bars is None else bars.console
        if isinstance(record.msg, Summary):
            contents = [build_grid(record.msg.rows, min_width=LABEL_WIDTH - GAP)]
        else:
            contents = [_hang(line) for line in printable(self.format(record)).split("\n")]
        for content in contents:
            console.print(content, markup=False, highlight=False)


def _hang(line: str) -> Any:
    """A line of which what does not fit goes on under its text; a label ends at two blanks."""
    from rich.table import Table
    from rich.text import Text

    label = match[0] if (match := _LABEL.match(line)) else ""
    if not label:
        return Text(line)
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(label), Text(line[len(label) :]))
    return grid


def _write_line(stream: TextIO, line: str) -> None:
    """Write past the stream's buffer, which would keep what a full disk refuses."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # it is no file but a part of this process
        print(line, file=stream, flush=True)
        return
    stream.flush()
    os.write(descriptor, f"{line}\n".encode(stream.encoding or "utf-8", "backslashreplace"))


@contextmanager
def show_log(*, json: bool, on_stderr: bool) -> Iterator[None]:
    """Show what the package logs, and how far its jobs are, for as long as the context lasts.

    Args:
        json: Standard output is JSON alone, and there are no bars.
        on_stderr: Standard output is for results, so that the log goes to standard error.
    """
    display = BarDisplay()
    handler = LogHandler(display, on_stderr=json or on_stderr)
    logger = logging.getLogger("videomae2")
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    if not json and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        set_display(display)
    try:
        yield
    finally:
        display.stop()
        set_display(None)
        logger.removeHandler(handler)
        logger.setLevel(level)


def _start_bars() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task
    from rich.text import Text

    class NumbersColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(_format_numbers(task), no_wrap=True, overflow="ellipsis")

    bars = Progress(
        "{task.description}",
        BarColumn(bar_width=24),
        NumbersColumn(),
        console=Console(stderr=True),
        refresh_per_second=_REFRESHES_PER_SECOND,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # else it is a file, which gets what is printed
    )
    bars.start()
    return bars


def _format_numbers(task: Any) -> str:
    """Done, total, rate, time left, and the newest metrics."""
    unit = task.fields["unit"]
    parts = [format_done(task.completed, task.total, unit, "/")]
    if task.speed:
        parts.append(format_rate(task.speed, unit))
    if task.time_remaining is not None:
        parts.append(f"{format_duration(float(task.time_remaining))} left")
    return "  ".join([*parts, *filter(None, [task.fields["metrics"]])])
