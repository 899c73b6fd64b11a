"""Plans and columns of results: coloured and wrapped on a terminal, aligned lines in a pipe."""

import json
import sys
from collections.abc import Sequence
from typing import Literal

from videomae2.base.summary import Summary

Justify = Literal["left", "right"]

_GAP = 2


def print_plan(plan: Summary, *, as_json: bool) -> int:
    """Print what a command would do, and give its exit code."""
    if as_json:
        print(json.dumps({"plan": plan.to_dict()}, ensure_ascii=False))
    else:
        print_summary(plan)
    return 0


def print_summary(summary: Summary) -> None:
    """Print the rows of a summary."""
    if sys.stdout.isatty():
        _print_grid(summary.rows, first="left", indent=0)
    else:
        print(summary)


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
        print(f"{' ' * indent}{cell}{' ' * _GAP}{text}".rstrip())


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
        grid.add_row(Text(label), Text(text))
    Console(highlight=False).print(Padding(grid, (0, 0, 0, indent)))
