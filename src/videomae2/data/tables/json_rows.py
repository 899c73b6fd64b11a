"""Rows of JSON: an object a line, an array of objects, or one object of columns."""

from collections.abc import Callable, Iterator
from typing import Any

from videomae2.base.json_files import parse_json
from videomae2.data.manifests.lists import iterate_lines
from videomae2.data.tables.columns import ID_COLUMNS, PATH_COLUMNS
from videomae2.data.tables.values import TableCells, format_cell, normalize_name
from videomae2.errors import ManifestError

_WANTED = (
    'wanted an array of flat objects such as {"path": "a.mp4", "label": "run"}, with start_seconds '
    "and stop_seconds for windows"
)


def read_json(text: str, source: str, is_used: Callable[[str], bool]) -> TableCells:
    """Read some columns of JSON; lines that are none are noted.

    Raises:
        ManifestError: An array is damaged.
    """
    cells = TableCells({}, [], format_name="JSON")
    if text.lstrip().startswith("["):
        rows = _iterate_array(text, source)
    elif (content := _parse_one_object(text)) is not None:
        rows = _iterate_members(content, source)
    else:
        rows, cells.format_name = _iterate_objects(text, cells), "JSON lines"
    known: set[str] = set()
    open_columns: set[str] = set()
    for line, row in rows:
        if not isinstance(row, dict):
            cells.errors.append((line, 'wanted an object such as {"path": "a.mp4", "label": 0}'))
            continue
        values = {normalize_name(name): value for name, value in row.items()}
        if not cells.lines and (holder := _find_nested_path(values)):
            message = (
                f"its rows are nested: the video stands within {holder!r}; {_WANTED}, such as "
                "Label Studio's export JSON-MIN or CSV"
            )
            raise ManifestError(message, path=source, line=line)
        _add_row(cells, line, values, is_used, known, open_columns)
    return cells


def _parse_one_object(text: str) -> dict[str, object] | None:
    """The content of a file that is one object and not one row; None for lines of objects."""
    lines = iterate_lines(text)
    first, has_more = next(lines, (0, ""))[1], next(lines, None) is not None
    try:
        content = parse_json(first)
        if has_more:
            return None
    except ValueError:
        try:
            content = parse_json(text)
        except ValueError:
            return None
    is_row = not isinstance(content, dict) or not any(map(_holds_rows, content.values()))
    return None if is_row else content


def _holds_rows(value: object) -> bool:
    """Whether a value is an object or has some: a row of its own has neither but in its cells."""
    return isinstance(value, dict) or (isinstance(value, list) and bool(value))


def _iterate_members(content: dict[str, object], source: str) -> Iterator[tuple[int, object]]:
    """Yield number and content of the rows of one object: by column, as pandas, or by their index.

    Raises:
        ManifestError: Rows are nested in it, or it is none of these.
    """
    columns: dict[str, Any] = {normalize_name(name): value for name, value in content.items()}
    values = list(columns.values())
    paths = {*PATH_COLUMNS, *ID_COLUMNS}
    if isinstance(columns.get("columns"), list) and isinstance(columns.get("data"), list):
        names, rows = columns["columns"], columns["data"]
        members = [dict(zip(map(str, names), row, strict=False)) if isinstance(row, list) else row
                   for row in rows]  # fmt: skip
    elif paths & {*columns} and all(isinstance(v, dict) and {*v} == {*values[0]} for v in values):
        members = [{name: column[key] for name, column in columns.items()} for key in values[0]]
    elif paths & {*columns} and all(
        isinstance(v, list) and len(v) == len(values[0]) for v in values
    ):
        members = [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]
    elif all(isinstance(v, dict) and paths & {*map(normalize_name, v)} for v in values):
        members = values
    elif not paths & {*columns}:
        holder = next(name for name, value in content.items() if _holds_rows(value))
        message = f"is one object, and its rows are nested in {holder!r}; {_WANTED}"
        raise ManifestError(message, path=source)
    else:
        members = [content]
    yield from enumerate(members, start=1)


def _find_nested_path(row: dict[str, object]) -> str:
    """The cell of a row that is an object with a path, where the row has none itself; else ""."""
    if {*PATH_COLUMNS} & {*row}:
        return ""
    return next((name for name, value in row.items() if isinstance(value, dict)
                 and {*PATH_COLUMNS} & {*map(normalize_name, value)}), "")  # fmt: skip


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
    cells: TableCells,
    line: int,
    row: dict[str, object],
    is_used: Callable[[str], bool],
    known: set[str],
    open_columns: set[str],
) -> None:
    for name in row:
        if name and name not in known:
            known.add(name)
            cells.column_names.append(name)
            if is_used(name):
                cells.columns[name] = [""] * len(cells.lines)
            else:
                open_columns.add(name)
    cells.lines.append(line)
    for name, column in cells.columns.items():
        column.append(format_cell(row.get(name)))
    for name in open_columns & row.keys():
        if not cells.count_other(name, format_cell(row[name])):
            open_columns.remove(name)
