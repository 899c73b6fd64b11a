"""Read a table with a header as a list of videos: what its columns mean."""

import re
from collections.abc import Iterable

from videomae2.data.manifests.builder import (
    FIRST_NUMBER,
    ManifestBuilder,
    ReadOptions,
    check_all_labelled,
    check_labels,
    label_by_name,
    parse_int,
)
from videomae2.data.manifests.cells import TableCells, is_json_lines, parse_header, read_cells
from videomae2.data.manifests.folders import VIDEO_EXTENSIONS, get_extension
from videomae2.data.manifests.manifest import ABSENT
from videomae2.errors import ManifestError

COLUMN_ALIASES: dict[str, tuple[str, ...]] = {
    "path": ("path", "video", "file", "filename"),
    "label": ("label", "class", "category", "class_name"),
    "first": ("first", "start"),
    "frames": ("frames", "total_frames", "num_frames"),
}

PATH_COLUMN_HELP = "wanted one called " + " or ".join(COLUMN_ALIASES["path"])

_INTEGER_CELL = re.compile(
    r"(-?[0-9]+)(?:\.0+)?"
)  # pandas writes 3.0 if a cell of the column is empty


def is_table(text: str, file_extension: str) -> bool:
    """Tell a table from a released list, which may be called .csv too, by its first line."""
    return is_json_lines(text, file_extension) or bool(
        set(parse_header(text, file_extension)[0]) & set(COLUMN_ALIASES["path"])
    )


def read_table(source: str, text: str | None, *, options: ReadOptions) -> ManifestBuilder:
    """Read a table; `text` is None for Parquet, which is read from the file.

    Raises:
        ManifestError: Columns are missing or unclear, or rows are wrong; names the first ten.
    """
    filter_column, _, filter_value = (options.row_filter or "").partition("=")
    filter_column = filter_column.strip().lower()
    known_columns = [name for names in COLUMN_ALIASES.values() for name in names]
    extra_columns = {name: name.lower() for name in options.extra_columns}
    cells = read_cells(source, text, [*known_columns, filter_column, *extra_columns.values()])
    names = _resolve_columns(cells, source, filter_column)
    builder = ManifestBuilder(source)
    for line, message in cells.errors:
        builder.add_error(line, message)
    kept_rows = [
        i
        for i in range(len(cells.lines))
        if not filter_column or cells.columns[filter_column][i] == filter_value
    ]
    if filter_column and not kept_rows:
        raise ManifestError(
            f"no row has {filter_value!r} in the column {filter_column}", path=source
        )
    rows = [i for i in kept_rows if _add_row(builder, cells, names, i, options)]
    _set_labels(builder, cells, [name for name in cells.columns if name in COLUMN_ALIASES["label"]],
                rows, options)  # fmt: skip
    if missing := [name for name, key in extra_columns.items() if key not in cells.columns]:
        shown = f"its columns are {', '.join(cells.column_names)}"
        raise ManifestError(f"{shown}; wanted {', '.join(missing)} too", path=source)
    builder.columns = {
        name: [cells.columns[key][i] for i in rows] for name, key in extra_columns.items()
    }
    builder.check()
    builder.description = _describe_table(builder, cells, options)
    return builder


def _resolve_columns(cells: TableCells, source: str, filter_column: str) -> dict[str, str]:
    """Find the column of each role; "" where there is none."""
    names: dict[str, str] = {}
    shown = ", ".join(cells.column_names) or "none"
    for role in ("path", "first", "frames"):
        candidates = [name for name in cells.column_names if name in COLUMN_ALIASES[role]]
        if len(candidates) > 1:
            message = (
                f"columns {' and '.join(candidates)} both tell the {role}: rename or remove one"
            )
            raise ManifestError(message, path=source)
        names[role] = candidates[0] if candidates else ""
    if not names["path"] or (filter_column and filter_column not in cells.columns):
        expected = f"wanted {filter_column!r}" if names["path"] else PATH_COLUMN_HELP
        raise ManifestError(f"its columns are {shown}; {expected}", path=source)
    return names


def _add_row(
    builder: ManifestBuilder, cells: TableCells, names: dict[str, str], i: int, options: ReadOptions
) -> bool:
    """Append a row, or note what is wrong with it."""
    texts = {role: cells.columns[name][i] if name else "" for role, name in names.items()}
    path, line = texts["path"], cells.lines[i]
    is_frames = texts["frames"] != "" and get_extension(path) not in VIDEO_EXTENSIONS
    if not is_frames and not names["first"]:
        # Without a start it is no window of a video file, but what its header says: often wrong.
        texts["frames"] = ""
    default = FIRST_NUMBER if is_frames else 0
    try:
        if not path:
            raise ValueError(f"the column {names['path']} is empty")
        frames = _parse_number(texts["frames"], names["frames"], minimum=1, default=ABSENT)
        first = _parse_number(texts["first"], names["first"], minimum=0, default=default)
    except ValueError as error:
        builder.add_error(line, str(error))
        return False
    builder.add(path, line=line, first=first, frames=frames, is_frames=is_frames)
    return True


def _parse_number(text: str, name: str, *, minimum: int, default: int) -> int:
    if not text:
        return default
    match = _INTEGER_CELL.fullmatch(text)
    return parse_int(match[1] if match else text, name, minimum=minimum)


def _set_labels(
    builder: ManifestBuilder,
    cells: TableCells,
    names: list[str],
    rows: list[int],
    options: ReadOptions,
) -> None:
    """Read a column of numbers, one of names, or one of each: numbers and what they are called."""
    if options.labels == "ignore":
        return
    if options.labels == "required" and not names:
        message = (
            f"its columns are {', '.join(cells.column_names)}; labels are needed, in one called"
        )
        raise ManifestError(
            f"{message} {' or '.join(COLUMN_ALIASES['label'])}", path=builder.source
        )
    texts = {name: [cells.columns[name][i] for i in rows] for name in names}
    numeric = [name for name in names if _is_number_column(texts[name])]
    named = [name for name in names if name not in numeric]
    if len(numeric) > 1 or len(named) > 1:
        message = f"columns {', '.join(names)} all tell the label: wanted numbers, names or both"
        raise ManifestError(message, path=builder.source)
    if numeric:
        _label_by_number(builder, texts[numeric[0]], numeric[0])
        check_labels(builder, options.class_names)
        if named:
            _name_labels(builder, texts[named[0]])
    elif named:
        _label_by_names(builder, texts[named[0]], named[0], options)
    if options.labels == "required":
        check_all_labelled(builder)


def _is_number_column(texts: Iterable[str]) -> bool:
    """Say whether the first cell with content is a number: the others must then be, too."""
    return bool(_INTEGER_CELL.fullmatch(next(filter(None, texts), "")))


def _label_by_number(builder: ManifestBuilder, texts: list[str], name: str) -> None:
    for i, text in enumerate(texts):
        try:
            builder.labels[i] = _parse_number(text, name, minimum=ABSENT, default=ABSENT)
        except ValueError as error:
            builder.add_error(builder.lines[i], f"{error}, as in the rows before")


def _label_by_names(
    builder: ManifestBuilder, texts: list[str], name: str, options: ReadOptions
) -> None:
    for i, text in enumerate(texts):
        if _INTEGER_CELL.fullmatch(text):
            message = f"{name} is {text}, a number, but the rows before have names of classes"
            builder.add_error(builder.lines[i], message)
    label_by_name(builder, texts, options.class_names)


def _name_labels(builder: ManifestBuilder, texts: list[str]) -> None:
    """Learn from a second column what the labels are called."""
    name_of = dict(enumerate(builder.class_names or ()))
    for line, label, text in zip(builder.lines, builder.labels, texts, strict=True):
        if label >= 0 and text and name_of.setdefault(label, text) != text:
            builder.add_error(
                line, f"label {label} is called {text!r}, elsewhere {name_of[label]!r}"
            )
    if name_of:
        builder.class_names = tuple(name_of.get(i, str(i)) for i in range(max(name_of) + 1))


def _describe_table(builder: ManifestBuilder, cells: TableCells, options: ReadOptions) -> str:
    used_columns = [name for name in cells.column_names if name in cells.columns]
    unused_columns = [name for name in cells.column_names if name not in cells.columns]
    text = f"{cells.format_name} table of {len(builder.paths):,} entries"
    text += f", columns {', '.join(used_columns)}"
    text += f", rows with {options.row_filter}" if options.row_filter else ""
    return text + (f"; not used: {', '.join(unused_columns)}" if unused_columns else "")
