"""Read the cells of tables: CSV, TSV, JSON lines, Parquet. What they mean is said elsewhere."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator

from videomae2.data.manifests.folders import get_extension
from videomae2.data.manifests.lists import iterate_lines, read_text
from videomae2.data.tables.json_rows import read_json
from videomae2.data.tables.parquet import read_parquet
from videomae2.data.tables.values import TableCells, normalize_name
from videomae2.errors import ManifestError

PARQUET_EXTENSIONS = frozenset({"parquet", "pq"})
JSON_LINES_EXTENSIONS = frozenset({"jsonl", "ndjson"})
_DELIMITERS = ",\t;"
_EXCEL_SEPARATOR = re.compile(r"\"?sep=(.?)\"?[,;\t]*", re.IGNORECASE)
"""A line above the header that tells spreadsheets what separates cells."""
_MAX_HEADER_CHARS = 100_000  # what is no table can be one line of any length, which csv refuses


def parse_header(text: str, file_extension: str = "") -> tuple[list[str], str]:
    """Give the column names in the first line, and the delimiter that parts most of them."""
    lines = iterate_lines(text)
    first = next(lines, (0, ""))[1][:_MAX_HEADER_CHARS]
    if separator := _EXCEL_SEPARATOR.fullmatch(first):
        first = next(lines, (0, ""))[1][:_MAX_HEADER_CHARS]
    likely = "\t" if file_extension in ("tsv", "tab") else ","
    delimiter = max(_DELIMITERS, key=lambda mark: (first.count(mark), mark == likely))
    delimiter = (separator[1] or "\t") if separator else delimiter  # a tab at the end is cut off
    try:
        names = next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:  # a carriage return within the line, say
        names = [first]
    return [normalize_name(name) for name in names], delimiter


def is_json(text: str, file_extension: str) -> bool:
    """Tell JSON, an object a line or an array of objects, by the extension or first characters."""
    return file_extension in JSON_LINES_EXTENSIONS or bool(re.match(r"\s*(\{|\[\s*[{\]])", text))


def read_table_text(source: str) -> str | None:
    """The text of a table; None for Parquet, whose cells are read from the file."""
    return None if get_extension(source) in PARQUET_EXTENSIONS else read_text(source)


def read_cells(source: str, text: str | None, is_used: Callable[[str], bool]) -> TableCells:
    """Read the columns that are used, by their names in lower case; `text` is None for Parquet.

    A column without a name is none: an index, or what a comma at the end of the header leaves.

    Raises:
        ManifestError: There is no header, or the file is no table.
    """
    if text is None:
        return read_parquet(source, is_used)
    file_extension = get_extension(source)
    return (
        read_json(text, source, is_used)
        if is_json(text, file_extension)
        else _read_csv(text, source, file_extension, is_used)
    )


def _read_csv(
    text: str, source: str, file_extension: str, is_used: Callable[[str], bool]
) -> TableCells:
    names, delimiter = parse_header(text, file_extension)
    counts = Counter(filter(None, names))
    if repeated := sorted(name for name, count in counts.items() if count > 1):
        message = f"the header has more than one column {', '.join(repeated[:5])}"
        raise ManifestError(message, path=source, line=1)
    named = [(place, name) for place, name in enumerate(names) if name]
    indices = [(place, name) for place, name in named if is_used(name)]
    others = [pair for pair in named if pair not in indices]
    cells = TableCells(
        {name: [] for _, name in indices},
        list(filter(None, names)),
        format_name="TSV" if delimiter == "\t" else "CSV",
    )
    for line, row in _iterate_rows(text, delimiter, source):
        if len(row) != len(names):
            cells.errors.append((line, f"{len(row)} cells, but the header has {len(names)}"))
            continue
        cells.lines.append(line)
        for place, name in indices:
            cells.columns[name].append(row[place].strip(" \t"))
        others = [
            (place, name) for place, name in others
            if cells.count_other(name, row[place].strip(" \t"))
        ]  # fmt: skip
    return cells


def _iterate_rows(text: str, delimiter: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line at which each row ends and its cells, without the header and blank lines."""
    lines = (line + "\n" for line in text.replace("\r\n", "\n").split("\n"))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    is_header = True
    try:
        for row in reader:
            is_separator = is_header and _EXCEL_SEPARATOR.fullmatch(delimiter.join(row).strip())
            if is_separator or not any(map(str.strip, row)):
                continue
            if not is_header:
                yield reader.line_num, row
            is_header = False
    except csv.Error as error:
        message = f"from here on it is no {delimiter!r}-separated table: {error}"
        raise ManifestError(message, path=source, line=reader.line_num) from error
