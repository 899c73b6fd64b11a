"""What the columns of a table mean: a path, a label, a window in frames or in time.

The unit of a window is told by the names of its columns and by what stands in them. It is never
guessed: where two readings are possible, the error shows both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from videomae2.data.tables.times import is_whole_number
from videomae2.data.tables.window_names import Unit, WindowName, parse_window_name

PATH_COLUMNS = (
    "path", "video", "file", "filename", "file_name", "file_path", "filepath", "video_path",
    "video_name", "video_file",
)  # fmt: skip
ID_COLUMNS = ("youtube_id", "video_id", "id")
"""Names of files without their extension, where no column of the above is there."""
LABEL_COLUMNS = ("label", "class", "category", "class_name", "choice")
COUNT_COLUMNS = ("frames", "total_frames", "num_frames")
FRAME_START_COLUMNS = ("first", "first_frame")
"""Where a window of frames starts, beside the names that say so in words."""

_KNOWN = frozenset((*PATH_COLUMNS, *ID_COLUMNS, *LABEL_COLUMNS, *COUNT_COLUMNS))

PATH_COLUMN_HELP = "wanted one called " + ", ".join(PATH_COLUMNS[:5])


@dataclass(frozen=True, slots=True)
class WindowColumns:
    """The columns that tell a window, "" where there is none, and what they count."""

    start: str = ""
    stop: str = ""
    count: str = ""
    unit: Unit = "frames"


def is_known_column(name: str) -> bool:
    """Whether a name, in lower case, says what it holds."""
    return bool(name in _KNOWN or find_bound(name))


def find_bound(name: str) -> WindowName | None:
    """The start or end of a window that a column clearly is, with its unit where that is clear."""
    if name in FRAME_START_COLUMNS:
        return WindowName("start", "frames", is_clear=True)
    parsed = parse_window_name(name)
    return parsed if parsed and parsed.is_clear else None


def find_path_column(names: Sequence[str]) -> str:
    """The column of paths, or of names without extension; "" if there is none.

    Raises:
        ValueError: There are two.
    """
    return _find_column(names, PATH_COLUMNS, "path") or next(
        (name for name in ID_COLUMNS if name in names), ""
    )


def find_window_columns(columns: Mapping[str, Sequence[str]]) -> WindowColumns:
    """The columns of a window, and their unit.

    Raises:
        ValueError: Two columns say the same, or the unit cannot be told.
    """
    bound_of = {name: bound for name in columns if (bound := find_bound(name))}
    start, stop = (
        _find_column(list(bound_of), [n for n, b in bound_of.items() if b.role == role], text)
        for role, text in (("start", "start of a window"), ("stop", "end of a window"))
    )
    count = _find_column(list(columns), COUNT_COLUMNS, "number of frames")
    bounds = [name for name in (start, stop) if name]
    units = {bound_of[name].unit for name in bounds} - {None}
    if len(units) > 1:
        raise ValueError(f"{start} counts {bound_of[start].unit}, and {stop} {bound_of[stop].unit}")
    unit = units.pop() if units else None
    if unit is None:
        has_count = bool(start and count and not stop)
        unit = "frames" if has_count or not bounds else _tell_unit(columns, start, stop)
    if stop and count and unit == "frames":
        count = ""  # the whole video's, as in many tables: the window says how many are wanted
    return WindowColumns(start, stop, count if unit == "frames" else "", unit)


def _find_column(names: Sequence[str], aliases: Sequence[str], role: str) -> str:
    candidates = [name for name in names if name in aliases]
    if len(candidates) > 1:
        raise ValueError(
            f"columns {' and '.join(candidates)} both tell the {role}: rename or remove one"
        )
    return candidates[0] if candidates else ""


def _tell_unit(columns: Mapping[str, Sequence[str]], start: str, stop: str) -> Unit:
    """Tell frames from seconds by the cells; whole numbers could be either."""
    bounds = [name for name in (start, stop) if name]
    texts = [text for name in bounds for text in columns[name] if text]
    if any(not is_whole_number(text) for text in texts):
        return "seconds"  # time codes and fractions count no frames; other words fail later
    if not texts:
        return "frames"
    row = next(i for i in range(len(columns[bounds[0]])) if any(columns[n][i] for n in bounds))
    span = " to ".join(columns[name][row] or "the end" for name in bounds)
    in_frames = " and ".join(["start_frame"] * bool(start) + ["stop_frame"] * bool(stop))
    raise ValueError(
        f"{' and '.join(bounds)} could count frames or seconds: is {span} in frames, or in "
        f"seconds? Call the columns {in_frames}, or {in_frames.replace('frame', 'seconds')}"
    )


def describe_columns(path: str, labels: Iterable[str], window: WindowColumns) -> dict[str, str]:
    """What each column that is used was read as, in a word or two."""
    seconds = "s" if window.unit == "seconds" else "frame"
    meanings = {path: "video"} | dict.fromkeys(labels, "class")
    meanings |= {window.start: f"window from ({seconds})"} if window.start else {}
    meanings |= {window.stop: f"window until ({seconds})"} if window.stop else {}
    return meanings | ({window.count: "frames of the window"} if window.count else {})
