"""What a command shows: plans, columns and tables of results.

On a terminal by rich, coloured and as wide as it is; in a pipe as aligned lines. rich is imported
when it is first used: commands start without it.
"""

import sys
from collections.abc import Container, Sequence
from typing import Any, Literal, TextIO

from videomae2.base.names import dump_json, printable, printable_name
from videomae2.base.summary import Summary

Justify = Literal["left", "right"]

GAP = 2
"""Blanks between columns."""


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


def print_error(text: str) -> None:
    """Say on standard error what is wrong, on a terminal wrapped at words."""
    line = printable(f"videomae2: {text}")
    if not sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)
        return
    from rich.text import Text

    _print_above_bars(Text(line), sys.stderr)


def print_pairs(
    rows: Sequence[tuple[str, str]], *, first: Justify = "left", min_width: int = 0, indent: int = 0
) -> None:
    """Print two columns, the first as wide as its longest text or ``min_width``."""
    if sys.stdout.isatty():
        _print_grid(rows, first=first, min_width=min_width, indent=indent)
        return
    rows = [(printable_name(label), printable_name(text)) for label, text in rows]
    width = max([min_width, *(len(label) for label, _ in rows)])
    for label, text in rows:
        cell = label.rjust(width) if first == "right" else label.ljust(width)
        print(f"{' ' * indent}{cell}{' ' * GAP}{text}".rstrip())


def print_table(rows: Sequence[Sequence[str]], *, left: Container[str]) -> None:
    """Print rows under the first of them, which names the columns; numbers are not in ``left``."""
    if sys.stdout.isatty():
        _print_above_bars(_build_table(rows, left))
        return
    rows = [[printable_name(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.ljust(width) if name in left else cell.rjust(width)
            for name, cell, width in zip(rows[0], row, widths, strict=True)
        )
        print((" " * GAP).join(cells).rstrip())


def _build_table(rows: Sequence[Sequence[str]], left: Container[str]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, GAP, 0, 0))
    for name in rows[0]:
        is_last = name == rows[0][-1]
        table.add_column(
            justify="left" if name in left else "right", overflow="fold", no_wrap=not is_last
        )
    for number, row in enumerate(rows):
        style = "bold" if number == 0 else ""
        table.add_row(*(Text(printable_name(cell), style) for cell in row))
    return table


def _print_grid(
    rows: Sequence[tuple[str, str]], *, first: Justify, min_width: int = 0, indent: int
) -> None:
    from rich.padding import Padding

    grid = build_grid(rows, first=first, min_width=min_width)
    _print_above_bars(Padding(grid, (0, 0, 0, indent)))


def build_grid(
    rows: Sequence[tuple[str, str]], *, first: Justify = "left", min_width: int = 0
) -> Any:
    """Rich's table of two columns, the second wrapped at words to the width that is left."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, GAP, 0, 0))
    grid.add_column(justify=first, style="cyan", no_wrap=True, min_width=min_width)
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(Text(printable(label)), Text(printable(text)))
    return grid


def _print_above_bars(content: Any, stream: TextIO | None = None) -> None:
    """By way of the stream, which stands above the bars if there are some; a console does not."""
    from rich.console import Console

    stream = stream or sys.stdout
    console = Console(file=stream, highlight=False)
    with console.capture() as text:
        console.print(content)
    print(text.get(), end="", file=stream, flush=True)
