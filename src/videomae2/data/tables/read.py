"""Read a table with a header as a list of videos."""

import math

from videomae2.data.manifests.builder import ManifestBuilder, ReadOptions
from videomae2.data.manifests.folders import VIDEO_EXTENSIONS, get_extension
from videomae2.data.manifests.manifest import ABSENT
from videomae2.data.tables.cells import is_json, parse_header, read_cells
from videomae2.data.tables.columns import (
    ID_COLUMNS,
    LABEL_COLUMNS,
    PATH_COLUMN_HELP,
    PATH_COLUMNS,
    WindowColumns,
    describe_columns,
    find_path_column,
    find_window_columns,
    is_known_column,
)
from videomae2.data.tables.filters import filter_rows, parse_filter
from videomae2.data.tables.labels import (
    TEMPLATE_COLUMN,
    find_label_columns,
    parse_number,
    set_labels,
)
from videomae2.data.tables.other_windows import check_no_other_window
from videomae2.data.tables.split_columns import describe_splits
from videomae2.data.tables.times import parse_seconds
from videomae2.data.tables.values import TableCells, format_lines, is_nothing
from videomae2.errors import ManifestError

_MIN_SECONDS = 0.01  # of the longest window of a list


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
    filter_column, filter_value = parse_filter(options.row_filter, source)
    extra_columns = {name: name.strip().lower() for name in options.extra_columns}
    group_column = (options.groups or "").strip().lower()
    own = (filter_column, group_column, *extra_columns.values())
    wanted = {TEMPLATE_COLUMN, *filter(None, own)}
    cells = read_cells(source, text, lambda name: name in wanted or is_known_column(name))
    builder = ManifestBuilder(source)
    for line, message in cells.errors:
        builder.add_error(line, message)
    if not cells.column_names:
        builder.check()
    path, window = _find_columns(cells, source, filter_column)
    try:
        rest = [name for name in cells.column_names if name not in own]
        has_labels = bool(extra_columns or {*LABEL_COLUMNS} & {*cells.columns})
        check_no_other_window(rest, cells, window, has_labels=has_labels)
    except ValueError as error:
        raise ManifestError(str(error), path=source) from error
    kept_rows = filter_rows(cells, filter_column, filter_value, options, source)
    rows = [i for i in kept_rows if _add_row(builder, cells, path, window, i)]
    _check_no_day_shares(builder, window)
    labels = find_label_columns(cells)
    set_labels(builder, cells, labels, rows, options)
    if missing := [name for name, key in extra_columns.items() if key not in cells.columns]:
        shown = f"its columns are {', '.join(cells.column_names)}"
        raise ManifestError(f"{shown}; wanted {', '.join(missing)} too", path=source)
    builder.columns = {
        name: [cells.columns[key][i] for i in rows] for name, key in extra_columns.items()
    }
    if group_column in cells.columns:
        builder.groups = [cells.columns[group_column][i] for i in rows]
        _check_groups(builder, group_column)
    builder.check()
    builder.meanings = describe_columns(path, labels if options.labels != "ignore" else (), window)
    builder.meanings |= dict.fromkeys(extra_columns.values(), "target")
    builder.meanings |= {group_column: "group"} if builder.groups else {}
    if options.row_filter is None:
        unused = [name for name in cells.column_names if name not in builder.meanings]
        builder.warnings += describe_splits(unused, cells)
    builder.description = _describe_table(builder, cells, options)
    return builder


def _check_no_day_shares(builder: ManifestBuilder, window: WindowColumns) -> None:
    """Refuse times of which no window is as long as a frame: spreadsheets write shares of a day."""
    pairs = zip(*[iter(builder.seconds)] * 2, strict=True)
    lengths = [stop - start for start, stop in pairs if not math.isnan(start)]
    lengths += [stop - start for _, (start, stop) in builder.untrimmed.values()]
    if lengths and max(lengths) < _MIN_SECONDS:
        builder.add_error(
            0,
            f"{window.start or window.stop} makes no window longer than {max(lengths):.2g} s; a "
            f"spreadsheet writes a second as {1 / 86400:.3g} of a day: give the column seconds",
        )


def _check_groups(builder: ManifestBuilder, column: str) -> None:
    """Note rows whose group nobody knows: they would all be one, or be parted from their own."""
    names = zip(builder.groups or (), builder.lines, strict=True)
    if lines := [line for name, line in names if not name or is_nothing(name)]:
        builder.add_error(
            0,
            f"the group {column} is empty in {format_lines(lines)}: fill it in, with a name of its "
            "own for what belongs to nothing else",
        )


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
                builder.untrimmed[len(builder.paths)] = path, seconds
                path = f"{path}_{seconds[0]:06.0f}_{seconds[1]:06.0f}"
                builder.add(path, line=line)
            else:
                builder.add(path, line=line, seconds=seconds if start or stop else None)
            return True
        is_frames = count != "" and get_extension(path) not in VIDEO_EXTENSIONS
        # Without a start it is no window of a video file, but what its header says: often wrong.
        count = count if is_frames or window.start else ""
        first = parse_number(start, window.start, minimum=0,
                              default=ABSENT if is_frames else 0)  # fmt: skip
        frames = parse_number(count, window.count, minimum=1, default=ABSENT)
        if stop:
            frames = parse_number(stop, window.stop, minimum=1, default=ABSENT) - first
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


def _describe_table(builder: ManifestBuilder, cells: TableCells, options: ReadOptions) -> str:
    used_columns = [name for name in cells.column_names if name in builder.meanings]
    unused_columns = [name for name in cells.column_names if name not in builder.meanings]
    text = f"{cells.format_name} table of {len(builder.paths):,} entries"
    text += f", columns {', '.join(used_columns)}"
    text += f", rows with {options.row_filter}" if options.row_filter else ""
    return text + (f"; not used: {', '.join(unused_columns)}" if unused_columns else "")
