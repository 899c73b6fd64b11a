"""Read the cells of tables: CSV, TSV, JSON lines, Parquet. What they mean is said elsewhere."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from videomae2.data.folders import extension
from videomae2.data.lists import lines_of
from videomae2.errors import ManifestError

PARQUET = frozenset({"parquet", "pq"})
JSON_LINES = frozenset({"jsonl", "ndjson"})
_DELIMITERS = ",\t;"
_LONGEST_HEADER = 100_000  # what is no table can be one line of any length, which csv refuses


@dataclass(slots=True)
class Cells:
    """The columns that are used, as text, "" for nothing; the names of all; what is wrong."""

    columns: dict[str, list[str]]
    names: list[str]
    lines: list[int] = field(default_factory=list)
    """Where each row ends: its line, or its number for Parquet; counted from 1."""
    problems: list[tuple[int, str]] = field(default_factory=list)
    kind: str = "CSV"


def header_of(text: str, kind: str = "") -> tuple[list[str], str]:
    """Give the column names in the first line, and the delimiter that parts most of them."""
    first = next((line for _, line in lines_of(text)), "")[:_LONGEST_HEADER]
    likely = "\t" if kind in ("tsv", "tab") else ","
    delimiter = max(_DELIMITERS, key=lambda mark: (first.count(mark), mark == likely))
    names = next(csv.reader([first], delimiter=delimiter), [])
    return [_name(name) for name in names], delimiter


def is_json(text: str, kind: str) -> bool:
    """Tell JSON lines by the extension or the first character."""
    return kind in JSON_LINES or text.lstrip().startswith("{")


def read_cells(source: str, text: str | None, used: Iterable[str]) -> Cells:
    """Read the columns called `used`, names in lower case; `text` is None for Parquet.

    Raises:
        ManifestError: There is no header, or the file is no table.
    """
    if text is None:
        return _parquet(source, set(used))
    kind = extension(source)
    return _json_lines(text, set(used)) if is_json(text, kind) else _csv(text, source, kind, used)


def _csv(text: str, source: str, kind: str, used: Iterable[str]) -> Cells:
    names, delimiter = header_of(text, kind)
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        message = f"the header has more than one column {', '.join(repeated)}"
        raise ManifestError(message, path=source, line=1)
    places = [(place, name) for place, name in enumerate(names) if name in set(used)]
    cells = Cells(
        {name: [] for _, name in places}, names, kind="TSV" if delimiter == "\t" else "CSV"
    )
    for line, row in _rows(text, delimiter, source):
        if len(row) != len(names):
            cells.problems.append((line, f"{len(row)} cells, but the header has {len(names)}"))
            continue
        cells.lines.append(line)
        for place, name in places:
            cells.columns[name].append(row[place].strip(" \t"))
    return cells


def _rows(text: str, delimiter: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line at which each row ends and its cells, without the header and blank lines."""
    lines = (line + "\n" for line in text.replace("\r\n", "\n").split("\n"))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header = True
    try:
        for row in reader:
            if not any(map(str.strip, row)):
                continue
            if not header:
                yield reader.line_num, row
            header = False
    except csv.Error as error:
        message = f"from here on it is no {delimiter!r}-separated table: {error}"
        raise ManifestError(message, path=source, line=reader.line_num) from error


def _json_lines(text: str, used: set[str]) -> Cells:
    cells = Cells({}, [], kind="JSON lines")
    for line, content in lines_of(text):
        try:
            row = json.loads(content)
        except ValueError as error:
            cells.problems.append((line, f"is no JSON: {error}"))
            continue
        if not isinstance(row, dict):
            cells.problems.append((line, 'wanted an object such as {"path": "a.mp4", "label": 0}'))
            continue
        _add_row(cells, line, {_name(name): value for name, value in row.items()}, used)
    return cells


def _add_row(cells: Cells, line: int, row: dict[str, object], used: set[str]) -> None:
    for name in row:
        if name not in cells.names:
            cells.names.append(name)
            if name in used:
                cells.columns[name] = [""] * len(cells.lines)
    cells.lines.append(line)
    for name, column in cells.columns.items():
        column.append(_text(row.get(name)))


def _parquet(source: str, used: set[str]) -> Cells:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        message = "reading Parquet needs pyarrow: pip install 'videomae2[tables]'"
        raise ManifestError(message, path=source) from error
    try:
        with parquet.ParquetFile(source) as file:
            names = list(file.schema_arrow.names)
            read = file.read(columns=[name for name in names if _name(name) in used]).to_pydict()
            rows = int(file.metadata.num_rows)
    except (ArrowException, OSError) as error:
        raise ManifestError(f"cannot be read as Parquet: {error}", path=source) from error
    columns = {_name(name): [_text(value) for value in read[name]] for name in read}
    names = [_name(name) for name in names]
    return Cells(columns, names, lines=list(range(1, rows + 1)), kind="Parquet")


def _name(name: str) -> str:
    return name.strip().lower()


def _text(value: object) -> str:
    """Write a value as a CSV would hold it; nothing and NaN, which differs from itself, are ""."""
    return "" if value is None or value != value else str(value)
