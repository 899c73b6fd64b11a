"""Tables that are not seen as such: by a comment above the header, no header, or other names."""

import csv
import re
from itertools import chain, islice

from videomae2.data.manifests.folders import VIDEO_EXTENSIONS
from videomae2.data.manifests.lists import iterate_lines
from videomae2.data.tables.cells import parse_header
from videomae2.data.tables.columns import PATH_COLUMN_HELP, PATH_COLUMNS, is_known_column
from videomae2.errors import ManifestError, shorten

_PATH_CELL = re.compile(r"\.(\w+)\"?\s*[,;]")  # the end of a path in a table without blanks
_NUMBER_CELL = re.compile(r"\s*-?[0-9]+(?:\.[0-9]+)?\s*")
_NUM_PROBED, _MAX_SHOWN = 20, 200
_MIN_AVA_CELLS = 6  # id, time, box of four


def check_not_table(text: str, source: str, file_extension: str) -> None:
    """Name what lists are mistaken for: tables whose header is missing or names no path, JSON.

    Raises:
        ManifestError: It is such.
    """
    lines = iterate_lines(text)
    number, line = next(lines, (1, ""))
    if line.startswith("#"):
        _check_no_comment(source, number, list(islice(chain([line], (t for _, t in lines)), 20)))
        lines = iterate_lines(text)
        number, line = next(lines, (1, ""))
    if line.startswith("["):
        message = 'looks like a JSON array, wanted one of objects such as {"path": "a.mp4"}'
        raise ManifestError(message, path=source, line=number)
    second = next(lines, (0, ""))[1]
    if _has_video_cell(line) or _has_numbers_alone(text) or _has_semicolons(text):
        message = "looks like a table without a header: put a first line such as path,label"
        if _is_ava(line):
            message = (
                "looks like AVA's annotations, of boxes in frames and without a header: wanted a "
                "first line such as path,start_seconds,stop_seconds,label, a row for each window"
            )
        raise ManifestError(message, path=source, line=number)
    names, delimiter = parse_header(text, file_extension)
    is_header = any(name == "split" or is_known_column(name) for name in names) and len(names) > 1
    has_cells = _has_video_cell(second) or (delimiter == "\t" and _is_header_of(names, second))
    if delimiter in line and (is_header or has_cells):
        shown = shorten(", ".join(names), _MAX_SHOWN)
        message = f"looks like a table, but its columns are {shown}; {PATH_COLUMN_HELP}"
        raise ManifestError(message + _describe_tool(names), path=source, line=number)


def _check_no_comment(source: str, number: int, lines: list[str]) -> None:
    """Refuse comments above a header, and a header that begins as one."""
    rest = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    own = {*parse_header(lines[0].lstrip("# "))[0]} & {*PATH_COLUMNS}
    if any(line.startswith("#") and "CSV_HEADER" in line for line in lines):
        raise ManifestError(
            "looks like a table of VIA's, whose header is a comment: write the header "
            "path,start_seconds,stop_seconds,label, and a row for each segment",
            path=source,
            line=number,
        )
    if own or (rest < len(lines) and {*parse_header(lines[rest])[0]} & {*PATH_COLUMNS}):
        what = "the header begins with #" if own else "a comment stands above the header"
        remedy = "remove the #" if own else f"remove {'these lines' if rest > 1 else 'this line'}"
        raise ManifestError(f"{what}: {remedy}", path=source, line=number)


def _is_header_of(names: list[str], second: str) -> bool:
    """Whether tabs part names from each other, and a path and numbers below them."""
    cells = second.split("\t")
    has_path = any(cell.rpartition(".")[2].lower() in VIDEO_EXTENSIONS for cell in cells)
    return len(cells) == len(names) > 1 and has_path and not any(
        _NUMBER_CELL.fullmatch(name) or name.rpartition(".")[2] in VIDEO_EXTENSIONS
        for name in names
    )  # fmt: skip


def _describe_tool(names: list[str]) -> str:
    """What to do with the table of a tool that is known by its columns."""
    if {"behavior", "media file"} <= {*names} or {"behavior", "media file name"} <= {*names}:
        return (
            "; of BORIS's, rename Media file to path, Behavior to label, Start (s) to "
            "start_seconds and Stop (s) to stop_seconds"
        )
    return ""


def _has_video_cell(line: str) -> bool:
    match = _PATH_CELL.search(line)
    return match is not None and match[1].lower() in VIDEO_EXTENSIONS


def _has_semicolons(text: str) -> bool:
    """Whether every line is an id and its class, or more cells, with semicolons between."""
    rows = [line.split(";") for _, line in islice(iterate_lines(text), _NUM_PROBED)]
    widths = {len(row) for row in rows}
    ids = [row[0].strip(' "') for row in rows]
    return len(widths) == 1 and widths != {1} and not any(
        " " in name or _NUMBER_CELL.fullmatch(row[-1].rpartition(" ")[2]) or is_known_column(name)
        for name, row in zip(ids, rows, strict=True)
    )  # fmt: skip


def _has_numbers_alone(text: str) -> bool:
    """Whether every line has the same number of cells between commas, all but the first numbers."""
    rows = [line for _, line in islice(iterate_lines(text), _NUM_PROBED)]
    try:
        cells = list(csv.reader(rows))
    except csv.Error:
        return False
    widths = {len(row) for row in cells}
    return bool(rows) and len(widths) == 1 and widths != {1} and all(
        _NUMBER_CELL.fullmatch(cell) for row in cells for cell in row[1:] if cell
    )  # fmt: skip


def _is_ava(line: str) -> bool:
    """Whether a line has a video, a time, and the four sides of a box as shares."""
    cells = line.split(",")
    return len(cells) >= _MIN_AVA_CELLS and all(
        _NUMBER_CELL.fullmatch(cell) and 0 <= float(cell) <= 1 for cell in cells[2:6]
    )
