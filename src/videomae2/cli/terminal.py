"""What a command shows: plans, columns of results, lines of the log, and bars of long jobs.

On a terminal by rich, coloured and as wide as it is; in a pipe as aligned lines. rich is imported
when it is first used: commands start without it.
"""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TextIO

from videomae2.base.names import dump_json, printable
from videomae2.base.progress import Number, format_done, format_metrics, format_rate, set_display
from videomae2.base.summary import Summary
from videomae2.base.text import format_duration

Justify = Literal["left", "right"]

_GAP = 2
_REFRESHES_PER_SECOND = 4


def print_plan(plan: Summary, *, as_json: bool) -> int:
    """Print what a command would do, and give its exit code."""
    if as_json:
        print(dump_json({"plan": plan.to_dict()}))
    else:
        print_summary(plan)
    return 0


def print_summary(summary: Summary) -> None:
    """Print the rows of a summary."""
    if sys.stdout.isatty():
        _print_grid(summary.rows, first="left", indent=0)
    else:
        print(printable(str(summary)))


def print_pairs(
    rows: Sequence[tuple[str, str]], *, first: Justify = "left", min_width: int = 0, indent: int = 0
) -> None:
    """Print two columns, the first as wide as its longest text or ``min_width``."""
    if sys.stdout.isatty():
        _print_grid(rows, first=first, min_width=min_width, indent=indent)
        return
    width = max([min_width, *(len(label) for label, _ in rows)])
    for label, text in rows:
        cell = label.rjust(width) if first == "right" else label.ljust(width)
        print(printable(f"{' ' * indent}{cell}{' ' * _GAP}{text}".rstrip()))


def _print_grid(
    rows: Sequence[tuple[str, str]], *, first: Justify, min_width: int = 0, indent: int
) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, _GAP, 0, 0))
    grid.add_column(justify=first, style="cyan", no_wrap=True, min_width=min_width)
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(Text(printable(label)), Text(printable(text)))
    console = Console(highlight=False)
    with console.capture() as text_of_grid:
        console.print(Padding(grid, (0, 0, 0, indent)))
    # by way of sys.stdout, which stands above the bars while there are some; a console passes it by
    print(text_of_grid.get(), end="")


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
        line = printable(self.format(record))
        stream = sys.stderr if self.on_stderr else sys.stdout
        with contextlib.suppress(OSError, ValueError):
            if self.display.bars is not None and stream.isatty():
                self.display.bars.console.print(line, markup=False, highlight=False, soft_wrap=True)
            else:
                _write_line(stream, line)


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
