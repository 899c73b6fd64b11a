"""Cells as text: columns of a table, lists that a cell may hold, words for nothing."""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

_NOTHING = frozenset((
    "nan", "-nan", "none", "null", "n/a", "na", "#n/a", "#na", "<na>", "#n/a n/a", "nat",
))  # fmt: skip
"""What pandas and spreadsheets write where there is nothing."""
MAX_DISTINCT = 20
"""Values of a column that is not used, from which on no more are counted."""
_MAX_SHOWN_LINES = 8


@dataclass(slots=True)
class TableCells:
    """The columns that are used, as text, "" for nothing; the names of all; what is wrong."""

    columns: dict[str, list[str]]
    column_names: list[str]
    lines: list[int] = field(default_factory=list)
    """Where each row ends: its line, or its number for Parquet; counted from 1."""
    errors: list[tuple[int, str]] = field(default_factory=list)
    format_name: str = "CSV"
    class_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """All classes of a column, where the file lists them, in the order of their numbers."""
    other_values: dict[str, Counter[str]] = field(default_factory=dict)
    """Of columns that are not used: how often each value comes, of the first MAX_DISTINCT."""

    def count_other(self, name: str, text: str) -> bool:
        """Count a value of a column that is not used; whether it has fewer than the most."""
        counts = self.other_values.setdefault(name, Counter())
        if text:
            counts[text] += 1
        return len(counts) < MAX_DISTINCT

    def list_values(self, name: str) -> Iterable[str]:
        """The values of a column that were read: all of those that are used, or the first."""
        return self.columns.get(name) or self.other_values.get(name) or ()


def normalize_name(name: str) -> str:
    """The name of a column as it is compared."""
    return name.strip().lower()


def format_cell(value: object) -> str:
    """Write a value as a CSV would hold it; nothing and NaN, which differs from itself, are ""."""
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, dict) and {*value} == {"bytes", "path"}:
        return format_cell(value["path"])  # as Hugging Face keeps files
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=_format_other)
    return "" if value is None or value != value else str(value)


def _format_other(value: object) -> str:
    return format_cell(value)


def is_nothing(text: str) -> bool:
    """Whether a cell says that there is nothing: NaN, None, null, N/A; or ?, -, … and the like."""
    text = text.strip()
    if text.lower() in _NOTHING:
        return True
    marks = text and not any(map(str.isalnum, text))
    return bool(marks) and all(unicodedata.category(c)[0] in "PZ" for c in text)


def format_lines(lines: Iterable[int]) -> str:
    """How many rows, and the lines of the first, as in 3 rows (lines 2, 5, 6)."""
    numbers = list(lines)
    plural = "s" * (len(numbers) > 1)
    more = ", …" if len(numbers) > _MAX_SHOWN_LINES else ""
    shown = ", ".join(map(str, numbers[:_MAX_SHOWN_LINES]))
    return f"{len(numbers):,} row{plural} (line{plural} {shown}{more})"


SEPARATORS = ";|"
"""Between the names of a video of which several hold; the first that a column has."""
