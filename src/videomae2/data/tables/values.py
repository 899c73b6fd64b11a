"""Cells as text: columns of a table, lists that a cell may hold, words for nothing."""

import ast
import json
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
_CONTAINERS = (list, dict, tuple, set)


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
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=_format_other)
    return "" if value is None or value != value else str(value)


def _format_other(value: object) -> str:
    return format_cell(value)


def is_nothing(text: str) -> bool:
    """Whether a cell says in words that there is nothing: NaN, None, null, N/A and the like."""
    return text.strip().lower() in _NOTHING


def format_lines(lines: Iterable[int]) -> str:
    """How many rows, and the lines of the first, as in 3 rows (lines 2, 5, 6)."""
    numbers = list(lines)
    plural = "s" * (len(numbers) > 1)
    more = ", …" if len(numbers) > _MAX_SHOWN_LINES else ""
    shown = ", ".join(map(str, numbers[:_MAX_SHOWN_LINES]))
    return f"{len(numbers):,} row{plural} (line{plural} {shown}{more})"


SEPARATORS = ";|"
"""Between the names of a video of which several hold; the first that a column has."""


def parse_list_cell(text: str) -> list[str] | None:
    """The members of a cell that holds a list, as JSON or Python write it; None for other cells.

    An object of one list counts as that: Label Studio writes {"choices": ["run"]}.

    Raises:
        ValueError: The cell nests more than that.
    """
    if text[:1] + text[-1:] not in ("[]", "{}"):
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            content = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(content, dict) and len(content) == 1:
            (content,) = content.values()
        if isinstance(content, list) and not any(isinstance(m, _CONTAINERS) for m in content):
            return [str(member).strip() for member in content]
        if isinstance(content, _CONTAINERS):
            raise ValueError(
                "nests lists or objects: wanted the name of a class, or one list of names"
            )
    if text[0] == "{":
        raise ValueError("looks like an object and is no JSON: wanted the name of a class")
    return None
