"""Columns that look like a window and are not read as one: left out, the clips would be others."""

import ast
import json
import re
from collections.abc import Iterable, Sequence
from itertools import islice

from videomae2.data.tables.columns import LABEL_COLUMNS, WindowColumns, is_known_column
from videomae2.data.tables.times import may_be_time
from videomae2.data.tables.values import TableCells, is_nothing
from videomae2.data.tables.window_names import Role, find_paired, may_hold_pair, parse_window_name
from videomae2.errors import shorten

_MAX_SHOWN, _MAX_PAIR, _MAX_READ = 60, 80, 100_000  # characters of a cell
_NUM_PROBED = 20
_BOUND = r"[0-9][0-9:.]*(?:[eE][-+]?[0-9]+)?s?"
_PAIR = re.compile(
    rf"[\[(\s]*{_BOUND}\s*(?:[,;|-]|\u2013|\.\.|\.\.\.|to|till|until|-->)\s*{_BOUND}[\])\s]*"
)
_TWO_ENDS = 2


def check_no_other_window(
    names: Sequence[str], cells: TableCells, window: WindowColumns, *, has_labels: bool
) -> None:
    """Refuse columns that look like a window and would be left out: the clips would be others.

    Args:
        names: The columns that nobody else has asked for.
        cells: What stands in them.
        window: What was found.
        has_labels: There are labels, which may be of a moment.

    Raises:
        ValueError: There are such.
    """
    rest = [name for name in names if not is_known_column(name) and _may_hold_times(cells, name)]
    _check_bounds(rest, window)
    lengths = _list_role(rest, "length")
    if window.start and not (window.stop or window.count) and lengths:
        raise ValueError(
            f"{lengths[0]} may be that of the window, which has a {window.start} and no end, or of "
            "the video: give the end as stop_seconds or stop_frame, or leave the column out"
        )
    if window.start or window.stop:
        return
    _check_pairs(names, cells)
    if has_labels and (moments := _list_role(rest, "moment")):
        raise ValueError(
            f"{moments[0]} may be when the label holds, and the whole video would have it: give a "
            "window, as start_seconds and stop_seconds or start_frame and stop_frame, a row for "
            "each; else call the column something that tells of no time in the video"
        )


def _check_bounds(rest: Sequence[str], window: WindowColumns) -> None:
    """Refuse starts and ends that are not clear; a weak word counts beside its other end."""
    starts = [] if window.start else _list_role(rest, "start")
    stops = [] if window.stop or window.count else _list_role(rest, "stop")
    paired = [] if window.start or window.stop else find_paired(rest)
    bounds = list(dict.fromkeys((*starts, *stops, *paired)))
    parsed = [parse_window_name(name) for name in bounds]
    has_both = (starts or window.start) and (stops or window.stop)
    if bounds and (has_both or paired or not all(name is None or name.is_weak for name in parsed)):
        raise ValueError(
            f"{' and '.join(bounds)} may be a window, and what they count is not known: call the "
            "columns start_frame and stop_frame, or start_seconds and stop_seconds; else something "
            "that tells of no start and end"
        )


def _check_pairs(names: Sequence[str], cells: TableCells) -> None:
    """Refuse cells that hold both ends of a window, bare or somewhere within an object."""
    for name in names:
        texts = islice(filter(None, cells.list_values(name)), _NUM_PROBED)
        can_be_bare = name not in LABEL_COLUMNS and may_hold_pair(name)
        pair = next((text for text in texts if _holds_window(text, can_be_bare=can_be_bare)), None)
        if pair is not None:
            raise ValueError(
                f"{name} holds {shorten(pair, _MAX_SHOWN)!r}, which may be the start and end of a "
                "window: give these as two columns, start_seconds and stop_seconds or start_frame "
                "and stop_frame, a row for each window; else call the column otherwise"
            )


def _holds_window(text: str, *, can_be_bare: bool) -> bool:
    if can_be_bare and len(text) <= _MAX_PAIR and _PAIR.fullmatch(text):
        return True
    if text[0] not in "[{" or len(text) > _MAX_READ:
        return False
    for parse in (json.loads, ast.literal_eval):
        try:
            return _has_ends(parse(text))
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
    return False


def _has_ends(content: object) -> bool:
    """Whether an object, or one within it, has a start and an end, or two numbers for both."""
    if isinstance(content, list | tuple):
        return any(map(_has_ends, content))
    if not isinstance(content, dict):
        return False
    members = {str(key).lower(): value for key, value in content.items()}
    roles = {
        parsed.role for key, value in members.items()
        if (parsed := parse_window_name(key)) and may_be_time(str(value))
    }  # fmt: skip
    if {"start", "stop"} <= roles or {"start", "length"} <= roles:
        return True
    return any(may_hold_pair(key) and _has_pair(value) for key, value in members.items()) or any(
        map(_has_ends, members.values())
    )


def _has_pair(value: object) -> bool:
    return _is_pair(value) or (isinstance(value, list | tuple) and any(map(_is_pair, value)))


def _is_pair(value: object) -> bool:
    """Whether a value is two numbers, or text such as 0.2-0.6."""
    if isinstance(value, str):
        return len(value) <= _MAX_PAIR and bool(_PAIR.fullmatch(value))
    return (
        isinstance(value, list | tuple)
        and len(value) == _TWO_ENDS
        and all(may_be_time(str(part)) for part in value)
    )


def _list_role(names: Iterable[str], role: Role) -> list[str]:
    return [name for name in names if (parsed := parse_window_name(name)) and parsed.role == role]


def _may_hold_times(cells: TableCells, name: str) -> bool:
    """Whether one of the first cells with content may be a time or a frame in a video."""
    texts = (text for text in cells.list_values(name) if text and not is_nothing(text))
    return any(map(may_be_time, islice(texts, _NUM_PROBED)))
