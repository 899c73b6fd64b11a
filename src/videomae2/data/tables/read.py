"""Read a table with a header as a list of videos."""

from collections.abc import Sequence

from videomae2.data.manifests.builder import (
    ManifestBuilder,
    ReadOptions,
    check_max_label,
    parse_int,
)
from videomae2.data.manifests.folders import VIDEO_EXTENSIONS, get_extension
from videomae2.data.manifests.labelling import check_all_labelled, check_labels, label_by_name
from videomae2.data.manifests.manifest import ABSENT
from videomae2.data.tables.cells import (
    TableCells,
    is_json,
    parse_header,
    parse_list_cell,
    read_cells,
)
from videomae2.data.tables.columns import (
    ID_COLUMNS,
    KNOWN_COLUMNS,
    LABEL_COLUMNS,
    PATH_COLUMN_HELP,
    PATH_COLUMNS,
    WindowColumns,
    check_no_other_window,
    describe_columns,
    find_path_column,
    find_window_columns,
    is_whole_number,
    parse_seconds,
    parse_whole_number,
)
from videomae2.errors import ManifestError

_TEMPLATE = "template"  # of Something-Something: the class, whose words the label fills in


def is_table(text: str, file_extension: str) -> bool:
    """Tell a table from a released list, which may be called .csv too, by its first line."""
    names = parse_header(text, file_extension)[0]
    has_ids = len(names) > 1 and set(names) & set(ID_COLUMNS)
    return is_json(text, file_extension) or bool(has_ids or set(names) & set(PATH_COLUMNS))


def read_table(source: str, text: str | None, *, options: ReadOptions) -> ManifestBuilder:
    """Read a table; `text` is None for Parquet, which is read from the file.

    Raises:
        ManifestError: Columns are missing or unclear, or rows are wrong; names the first ten.
    """
    filter_column, _, filter_value = (options.row_filter or "").partition("=")
    filter_column = filter_column.strip().lower()
    extra_columns = {name: name.lower() for name in options.extra_columns}
    group_column = (options.groups or "").lower()
    wanted = (*KNOWN_COLUMNS, _TEMPLATE, filter_column, group_column, *extra_columns.values())
    cells = read_cells(source, text, wanted)
    builder = ManifestBuilder(source)
    for line, message in cells.errors:
        builder.add_error(line, message)
    if not cells.column_names:
        builder.check()
    path, window = _find_columns(cells, source, filter_column)
    try:
        other = (filter_column, group_column, *extra_columns.values())
        check_no_other_window([name for name in cells.column_names if name not in other], window)
    except ValueError as error:
        raise ManifestError(str(error), path=source) from error
    kept_rows = _filter_rows(cells, source, filter_column, filter_value)
    rows = [i for i in kept_rows if _add_row(builder, cells, path, window, i)]
    labels = _find_label_columns(cells)
    _set_labels(builder, cells, labels, rows, options)
    if missing := [name for name, key in extra_columns.items() if key not in cells.columns]:
        shown = f"its columns are {', '.join(cells.column_names)}"
        raise ManifestError(f"{shown}; wanted {', '.join(missing)} too", path=source)
    builder.columns = {
        name: [cells.columns[key][i] for i in rows] for name, key in extra_columns.items()
    }
    if group_column in cells.columns:
        builder.groups = [cells.columns[group_column][i] for i in rows]
    builder.check()
    builder.meanings = describe_columns(path, labels if options.labels != "ignore" else (), window)
    builder.meanings |= dict.fromkeys(extra_columns.values(), "target")
    builder.meanings |= {group_column: "group"} if builder.groups else {}
    builder.description = _describe_table(builder, cells, options)
    return builder


def _find_columns(cells: TableCells, source: str, filter_column: str) -> tuple[str, WindowColumns]:
    """The column of paths, and those of windows."""
    try:
        path, window = find_path_column(cells.column_names), find_window_columns(cells.columns)
    except ValueError as error:
        raise ManifestError(str(error), path=source) from error
    if not path or (filter_column and filter_column not in cells.columns):
        expected = f"wanted {filter_column!r}" if path else PATH_COLUMN_HELP
        shown = ", ".join(cells.column_names) or "none"
        raise ManifestError(f"its columns are {shown}; {expected}", path=source)
    return path, window


def _find_label_columns(cells: TableCells) -> list[str]:
    """The columns of labels; of Something-Something the template, for the label fills it in."""
    names = [name for name in cells.columns if name in LABEL_COLUMNS]
    if _TEMPLATE in cells.columns and "placeholders" in cells.column_names:
        texts = cells.columns[_TEMPLATE]
        cells.columns[_TEMPLATE] = [text.replace("[", "").replace("]", "") for text in texts]
        return [_TEMPLATE]
    return names


def _filter_rows(cells: TableCells, source: str, column: str, value: str) -> Sequence[int]:
    """The rows with a value in a column; all if no column is named."""
    if not column:
        return range(len(cells.lines))
    rows = [i for i, text in enumerate(cells.columns[column]) if text == value]
    if not rows:
        values = sorted(set(cells.columns[column]))
        shown = ", ".join(map(repr, values[:8])) + (", …" if len(values) > 8 else "")
        raise ManifestError(f"no row has {value!r} in the column {column}: it has {shown}",
                            path=source)  # fmt: skip
    return rows


def _add_row(
    builder: ManifestBuilder, cells: TableCells, path_column: str, window: WindowColumns, i: int
) -> bool:
    """Append a row, or note what is wrong with it."""
    path, line = cells.columns[path_column][i], cells.lines[i]
    start, stop, count = (
        cells.columns[name][i] if name else "" for name in (window.start, window.stop, window.count)
    )
    try:
        if not path:
            raise ValueError(f"the column {path_column} is empty")
        if window.unit == "seconds":
            seconds = _parse_time_window(start, stop, window)
            if path_column == "youtube_id":  # what Kinetics calls the file that holds the window
                path = f"{path}_{seconds[0]:06.0f}_{seconds[1]:06.0f}"
                builder.add(path, line=line)
            else:
                builder.add(path, line=line, seconds=seconds if start or stop else None)
            return True
        is_frames = count != "" and get_extension(path) not in VIDEO_EXTENSIONS
        # Without a start it is no window of a video file, but what its header says: often wrong.
        count = count if is_frames or window.start else ""
        first = _parse_number(start, window.start, minimum=0,
                              default=ABSENT if is_frames else 0)  # fmt: skip
        frames = _parse_number(count, window.count, minimum=1, default=ABSENT)
        if stop:
            frames = _parse_number(stop, window.stop, minimum=1, default=ABSENT) - first
            if frames < 1:
                raise ValueError(f"{window.stop} {stop} is not behind the start {first}")
    except ValueError as error:
        builder.add_error(line, str(error))
        return False
    builder.add(path, line=line, first=first, frames=frames, is_frames=is_frames)
    return True


def _parse_time_window(start: str, stop: str, window: WindowColumns) -> tuple[float, float]:
    """Start and end in seconds; an end that is not given is the video's."""
    first = parse_seconds(start, window.start) if start else 0.0
    last = parse_seconds(stop, window.stop) if stop else float("inf")
    if last <= first:
        raise ValueError(f"{window.stop} {stop} is not behind the start {start or 0}")
    return first, last


def _parse_number(text: str, name: str, *, minimum: int, default: int) -> int:
    return parse_int(parse_whole_number(text), name, minimum=minimum) if text else default


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
        raise ManifestError(f"{message} {' or '.join(LABEL_COLUMNS)}", path=builder.source)
    texts = {name: [cells.columns[name][i] for i in rows] for name in names}
    for name in names:
        texts[name] = [_take_single(builder, line, text, name)
                       for line, text in zip(builder.lines, texts[name], strict=True)]  # fmt: skip
    numeric = [name for name in names if _is_number_column(texts[name])]
    named = [name for name in names if name not in numeric]
    if len(numeric) > 1 or len(named) > 1:
        message = f"columns {', '.join(names)} all tell the label: wanted numbers, names or both"
        raise ManifestError(message, path=builder.source)
    if numeric:
        _label_by_number(builder, texts[numeric[0]], numeric[0], options)
        check_labels(builder, options)
        if named:
            _name_labels(builder, texts[named[0]])
    elif named:
        _label_by_names(builder, texts[named[0]], named[0], options)
    if options.labels == "required":
        check_all_labelled(builder)


def _is_number_column(texts: Sequence[str]) -> bool:
    """Say whether the first cell with content is a number: the others must then be, too."""
    return is_whole_number(next(filter(None, texts), ""))


def _take_single(builder: ManifestBuilder, line: int, text: str, name: str) -> str:
    """The one name of a cell that holds a list; several are a problem where one class is wanted."""
    names = parse_list_cell(text)
    if names is None:
        return text
    if len(names) != 1:
        builder.add_error(
            line,
            f"{name} is a list of {len(names)} names, {', '.join(names)}; one class is wanted, "
            "or --task.task-type multilabel",
        )
        return ""
    return names[0]


def _label_by_number(
    builder: ManifestBuilder, texts: list[str], name: str, options: ReadOptions
) -> None:
    for i, text in enumerate(texts):
        try:
            label = _parse_number(text, name, minimum=ABSENT, default=ABSENT)
            builder.labels[i] = options.count_from_0(label)
        except ValueError as error:
            builder.add_error(builder.lines[i], f"{error}, as in the rows before")


def _label_by_names(
    builder: ManifestBuilder, texts: list[str], name: str, options: ReadOptions
) -> None:
    for i, text in enumerate(texts):
        if is_whole_number(text):
            message = f"{name} is {text}, a number, but the rows before have names of classes"
            builder.add_error(builder.lines[i], message)
    label_by_name(builder, texts, options)


def _name_labels(builder: ManifestBuilder, texts: list[str]) -> None:
    """Learn from a second column what the labels are called."""
    name_of = dict(enumerate(builder.class_names or ()))
    for line, label, text in zip(builder.lines, builder.labels, texts, strict=True):
        if label >= 0 and text and name_of.setdefault(label, text) != text:
            builder.add_error(
                line, f"label {label} is called {text!r}, elsewhere {name_of[label]!r}"
            )
    if name_of:
        max_label = max(*name_of, *builder.labels)
        try:
            check_max_label(max_label, len(texts))
        except ValueError as error:
            raise ManifestError(str(error), path=builder.source) from error
        builder.class_names = tuple(name_of.get(i, str(i)) for i in range(max_label + 1))


def _describe_table(builder: ManifestBuilder, cells: TableCells, options: ReadOptions) -> str:
    used_columns = [name for name in cells.column_names if name in builder.meanings]
    unused_columns = [name for name in cells.column_names if name not in builder.meanings]
    text = f"{cells.format_name} table of {len(builder.paths):,} entries"
    text += f", columns {', '.join(used_columns)}"
    text += f", rows with {options.row_filter}" if options.row_filter else ""
    return text + (f"; not used: {', '.join(unused_columns)}" if unused_columns else "")
