"""Read tables with named columns: CSV, TSV, JSON lines, Parquet."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from videomae2.data.folders import extension
from videomae2.data.lists import lines_of
from videomae2.errors import ManifestError

ROLES: dict[str, tuple[str, ...]] = {
    "path": ("path", "video", "file", "filename"),
    "label": ("label", "class", "category", "class_name"),
    "first": ("first", "start"),
    "frames": ("frames", "total_frames", "num_frames"),
}
PARQUET = frozenset({"parquet", "pq"})
JSON_LINES = frozenset({"jsonl", "ndjson"})
_DELIMITERS = "\t,;"


@dataclass(slots=True)
class Table:
    """Cells as text, "" where there is none, one list per column; rows may be wrong."""

    columns: dict[str, list[str]]
    lines: list[int] = field(default_factory=list)
    """Where each row stands: its line, or its number for Parquet."""
    problems: list[tuple[int, str]] = field(default_factory=list)
    kind: str = "CSV"


def header_of(text: str, kind: str = "") -> tuple[list[str], str]:
    """Give the column names in the first line, and the delimiter that parts most of them."""
    first = next((line for _, line in lines_of(text)), "")
    likely = "\t" if kind in ("tsv", "tab") else ","
    delimiter = max(_DELIMITERS, key=lambda mark: (first.count(mark), mark == likely))
    names = next(csv.reader([first], delimiter=delimiter), [])
    return [name.strip().lower() for name in names], delimiter


def is_table(text: str, kind: str) -> bool:
    """Tell a table from a released list, which may be called .csv too, by its first line."""
    if kind in JSON_LINES or text.lstrip().startswith("{"):
        return True
    return bool(set(header_of(text)[0]) & set(ROLES["path"]))


def read_cells(source: str, text: str | None) -> Table:
    """Read all cells; `text` is the file's content, None for Parquet.

    Raises:
        ManifestError: There is no header, or the file is no table.
    """
    if text is None:
        return _parquet(source)
    kind = extension(source)
    if kind in JSON_LINES or text.lstrip().startswith("{"):
        return _json_lines(text)
    return _csv(text, source, kind)


def _csv(text: str, source: str, kind: str) -> Table:
    names, delimiter = header_of(text, kind)
    if len(set(names)) < len(names) or not set(names) & set(ROLES["path"]):
        raise ManifestError(f"the first line is {', '.join(names) or 'empty'}; wanted a header of"
                            f" different names, one of them {wanted('path')}",
                            path=source, line=1)  # fmt: skip
    table = Table({name: [] for name in names}, kind="TSV" if delimiter == "\t" else "CSV")
    cells = list(table.columns.values())
    for line, row in _rows(text, delimiter, source):
        if len(row) != len(cells):
            table.problems.append((line, f"{len(row)} cells, but the header has {len(cells)}"))
            continue
        table.lines.append(line)
        for column, cell in zip(cells, row, strict=True):
            column.append(cell.strip())
    return table


def _rows(text: str, delimiter: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line at which each row ends and its cells, without the header and blank lines."""
    # only at line ends: csv would also split at a lone carriage return inside a name
    reader = csv.reader((line + "\n" for line in text.replace("\r\n", "\n").split("\n")),
                        delimiter=delimiter, strict=True)  # fmt: skip
    header = True
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if not header:
                yield reader.line_num, row
            header = False
    except csv.Error as error:
        message = f"is no CSV from here on: {error}"
        raise ManifestError(message, path=source, line=reader.line_num) from error


def _json_lines(text: str) -> Table:
    table = Table({}, kind="JSON lines")
    for line, content in lines_of(text):
        try:
            row = json.loads(content)
        except ValueError as error:
            table.problems.append((line, f"is no JSON: {error}"))
            continue
        if not isinstance(row, dict):
            table.problems.append((line, 'wanted an object such as {"path": "a.mp4", "label": 0}'))
            continue
        _add_row(table, line, {str(name).strip().lower(): value for name, value in row.items()})
    return table


def _add_row(table: Table, line: int, row: dict[str, object]) -> None:
    for name in row.keys() - table.columns.keys():
        table.columns[name] = [""] * len(table.lines)
    table.lines.append(line)
    for name, column in table.columns.items():
        column.append(cell(row.get(name)))


def _parquet(source: str) -> Table:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        message = "reading Parquet needs pyarrow: pip install 'videomae2[tables]'"
        raise ManifestError(message, path=source) from error
    try:
        with parquet.ParquetFile(source) as file:
            names = [n for n in file.schema_arrow.names if role_of(n.strip().lower()) is not None]
            others = [name for name in file.schema_arrow.names if name not in names]
            read = file.read(columns=names).to_pydict()
            rows = file.metadata.num_rows
    except (ArrowException, OSError) as error:
        raise ManifestError(f"cannot be read as Parquet: {error}", path=source) from error
    columns = {name.strip().lower(): [cell(value) for value in read[name]] for name in names}
    columns.update({name.strip().lower(): [] for name in others})
    return Table(columns, lines=list(range(1, rows + 1)), kind="Parquet")


def cell(value: object) -> str:
    """Write a value of JSON or Parquet as a CSV would hold it; nothing and NaN are ""."""
    return "" if value is None or value != value else str(value).strip()


def role_of(name: str) -> str | None:
    """Say what a column of this name tells, None if nothing that is used."""
    return next((role for role, names in ROLES.items() if name in names), None)


def wanted(role: str) -> str:
    """List the names that a column may have."""
    return " or ".join(ROLES[role])


def columns_of(role: str, names: Iterable[str]) -> list[str]:
    """Give the names that tell this."""
    return [name for name in names if name in ROLES[role]]
