"""Rows of JSON: an object a line, or an array of objects."""

from collections.abc import Iterator

from videomae2.base.json_files import parse_json
from videomae2.data.manifests.lists import iterate_lines
from videomae2.data.tables.values import TableCells, format_cell, normalize_name
from videomae2.errors import ManifestError


def read_json(text: str, source: str, usecols: set[str]) -> TableCells:
    """Read some columns of JSON; lines that are none are noted.

    Raises:
        ManifestError: An array is damaged.
    """
    is_array = text.lstrip().startswith("[")
    cells = TableCells({}, [], format_name="JSON" if is_array else "JSON lines")
    known: set[str] = set()
    for line, row in _iterate_array(text, source) if is_array else _iterate_objects(text, cells):
        if not isinstance(row, dict):
            cells.errors.append((line, 'wanted an object such as {"path": "a.mp4", "label": 0}'))
            continue
        values = {normalize_name(name): value for name, value in row.items()}
        _add_row(cells, line, values, usecols, known)
    return cells


def _iterate_objects(text: str, cells: TableCells) -> Iterator[tuple[int, object]]:
    """Yield line and content of each line of JSON lines, and note what is none."""
    for line, content in iterate_lines(text):
        try:
            yield line, parse_json(content)
        except ValueError as error:
            cells.errors.append((line, str(error)))


def _iterate_array(text: str, source: str) -> Iterator[tuple[int, object]]:
    """Yield number and content of each member of a JSON array."""
    try:
        rows = parse_json(text)
    except ValueError as error:
        raise ManifestError(str(error), path=source) from error
    yield from enumerate(rows, start=1)


def _add_row(
    cells: TableCells, line: int, row: dict[str, object], usecols: set[str], known: set[str]
) -> None:
    for name in row:
        if name and name not in known:
            known.add(name)
            cells.column_names.append(name)
            if name in usecols:
                cells.columns[name] = [""] * len(cells.lines)
    cells.lines.append(line)
    for name, column in cells.columns.items():
        column.append(format_cell(row.get(name)))
