"""Counts, sizes, times and multiples in words; tables of text."""

from collections.abc import Sequence


def format_multiples(number: int, unit: int) -> str:
    """The multiples around a number that is none."""
    below = number // unit * unit
    return f"{below} or {below + unit}" if below else f"{unit}"


def format_count(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def format_duration(seconds: float) -> str:
    """Seconds as people say them: 45 s, 3:20 min, 5:07 h, 2 d 4 h."""
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60}:{total % 60:02d} min"
    if total < 48 * 3600:
        return f"{total // 3600}:{total % 3600 // 60:02d} h"
    return f"{total // 86400} d {total % 86400 // 3600} h"


def format_bytes(num_bytes: int) -> str:
    """Bytes as people say them."""
    return f"{num_bytes / 2**20:.1f} MiB" if num_bytes < 2**30 else f"{num_bytes / 2**30:.1f} GiB"


def align_columns(head: Sequence[str], rows: Sequence[Sequence[str]], *, num_left: int = 1) -> str:
    """Columns under their heads: the first ones to the left, the others, numbers, to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for row in (head, *rows):
        cells = [
            cell.ljust(width) if number < num_left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
