"""Rows of a table that are kept: those with a value in a column."""

import re
from collections import Counter
from collections.abc import Sequence

from videomae2.base.text import format_count
from videomae2.data.manifests.builder import ReadOptions
from videomae2.data.manifests.spellings import fold_name
from videomae2.data.tables.values import TableCells
from videomae2.errors import ManifestError

_MAX_SHOWN = 8
_LIST_MARKS = re.compile("[,;|&+]")
_FLAGS = dict.fromkeys(("false", "no", "n", "f"), "0") | dict.fromkeys(
    ("true", "yes", "y", "t"), "1"
)


def parse_filter(row_filter: str | None, source: str) -> tuple[str, str]:
    """Column and value of a filter, "" and "" where there is none.

    Raises:
        ManifestError: It names no column or has no equals sign.
    """
    column, equals, value = (row_filter or "").partition("=")
    if row_filter is not None and not (column.strip() and equals):
        message = f"filter is {row_filter!r}, wanted column=value, such as split=train"
        raise ManifestError(message, path=source)
    return column.strip().lower(), value.strip()


def filter_rows(
    cells: TableCells, column: str, value: str, options: ReadOptions, source: str
) -> Sequence[int]:
    """The rows with a value in a column; all if no column is named.

    Raises:
        ManifestError: No row has it, or some have another spelling of it and nobody said whether
            that is the same.
    """
    if not column:
        return range(len(cells.lines))
    counts = Counter(cells.columns[column])
    others = [text for text in counts if text != value and _may_mean(text, value)]
    values = {value, *others} if options.spelling == "same" else {value}
    rows = [i for i, text in enumerate(cells.columns[column]) if text in values]
    if others and options.spelling == "ask":
        shown = " and ".join(
            f"{text!r} ({format_count(counts[text], 'row')})" for text in others[:_MAX_SHOWN]
        )
        found = format_count(len(rows), "row")
        message = (
            f"{found} with {value!r} in the column {column}, and {shown} may mean the same: "
            "spelling same takes them, too, and distinct leaves them out"
        )
        raise ManifestError(message, path=source)
    if not rows:
        texts = sorted(counts)
        shown = ", ".join(map(repr, texts[:_MAX_SHOWN])) + (", …" * (len(texts) > _MAX_SHOWN))
        raise ManifestError(f"no row has {value!r} in the column {column}: it has {shown}",
                            path=source)  # fmt: skip
    return rows


def _may_mean(text: str, value: str) -> bool:
    """Whether a cell is another spelling of a value, or a list with it."""
    parts = [part.strip() for part in _LIST_MARKS.split(text.strip("[](){} "))]
    return _fold(value) in map(_fold, (text, *(part.strip("\"'") for part in parts)))


def _fold(text: str) -> str:
    """A value without what people do not mind: its spelling, and how yes and no are written."""
    folded = fold_name(text)
    return _FLAGS.get(folded, folded)
