"""Counts, sizes, times and multiples in words; the word that was meant; tables of text."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


def format_multiples(number: int, unit: int) -> str:
    """The multiples around a number that is none."""
    below = number // unit * unit
    return f"{below} or {below + unit}" if below else f"{unit}"


def format_count(number: float, noun: str, spec: str = "") -> str:
    """A number with its noun, such as 1 clip or 1.5 epochs; ``spec`` formats the number."""
    text = f"{number:{spec}}"
    return f"{text} {noun if text == '1' else pluralize(noun)}"


def pluralize(noun: str) -> str:
    """The plural of a regular noun; symbols such as s have none."""
    if len(noun) == 1:
        return noun
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "tch", "sh")) else f"{noun}s"


def find_nearest(word: str, known: Iterable[str], *, cutoff: float = 0.5) -> str | None:
    """The known word that was probably meant."""
    return next(iter(get_close_matches(word, list(known), n=1, cutoff=cutoff)), None)


def suggest_nearest(word: str, known: Iterable[str], *, cutoff: float = 0.5) -> str:
    """Say which word was probably meant, or which there are."""
    known_words = list(known)
    nearest = find_nearest(word, known_words, cutoff=cutoff)
    return f"did you mean {nearest}?" if nearest else f"there are {', '.join(known_words)}"


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
