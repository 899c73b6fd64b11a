"""Columns that look like a window and are not read as one: left out, the clips would be others."""

import re
from collections.abc import Mapping, Sequence

from videomae2.data.tables.columns import KNOWN_COLUMNS, WindowColumns
from videomae2.errors import shorten

_MAX_SHOWN, _MAX_PAIR, _MAX_READ = 60, 80, 1000  # characters of a cell
_OF_WHAT = r"(?:(?:clip|segment|window|action|event|temporal|time|frame|t)[_ .-]?)*"
_COUNTED = (
    r"(?:[_ .-]?(?:ms|msecs?|millis|milliseconds?|frames?|f|secs?|seconds?|s|minutes?|mins?|times?|"
    r"timestamps?|idx|index|number|num|no|pts))*"
)
_LIKE_START = re.compile(f"{_OF_WHAT}(?:start|begin|onset|from|t0|first|in|in_?point){_COUNTED}")
_LIKE_STOP = re.compile(
    f"{_OF_WHAT}(?:end|stop|finish|offset|until|to|t1|last|out|out_?point){_COUNTED}"
)
_LIKE_LENGTH = re.compile(f"{_OF_WHAT}(?:duration|length|dur|len){_COUNTED}")
_SINGLY_OTHER = {"from", "to", "offset", "first", "last", "in", "out"}
"""Words of which one alone may be anything."""
PAIR_COLUMNS = (
    "segment", "segments", "interval", "intervals", "window", "windows", "range", "ranges", "span",
    "spans", "clip", "clips", "time", "times", "timestamp", "timestamps", "timeline", "timelines",
    "bounds", "boundaries", "time_range", "time_span", "time_interval", "time_window", "timecode",
    "timecodes", "frame_range", "frames_range", "frame_span", "clip_range", "clip_time",
    "clip_times", "clip_window", "temporal_segment", "temporal_segments", "action_segment",
    "event_window", "start_end", "start_stop", "moment", "moments", "annotation",
    "annotations", "events", "actions", "tricks",
)  # fmt: skip
"""Columns whose cells may hold both ends of a window at once."""
_BOUND = r"[0-9][0-9:.]*(?:[eE][-+]?[0-9]+)?s?"
_PAIR = re.compile(
    rf"[\[(\s]*{_BOUND}\s*(?:[,;|-]|\u2013|\.\.|\.\.\.|to|till|until|-->)\s*{_BOUND}[\])\s]*"
)
_NAMED_PAIR = re.compile(r"[\"'](?:start|begin|from|ranges|segment|t_?start|onset)\w*[\"']\s*:")


def check_no_other_window(
    names: Sequence[str], columns: Mapping[str, Sequence[str]], window: WindowColumns
) -> None:
    """Refuse columns that look like a window and would be left out: the clips would be others.

    Args:
        names: The columns that nobody else has asked for.
        columns: Those of them that were read.
        window: What was found.

    Raises:
        ValueError: There are such.
    """
    rest = [name for name in names if name not in KNOWN_COLUMNS]
    starts = [name for name in rest if not window.start and _LIKE_START.fullmatch(name)]
    stops = [name for name in rest if not (window.stop or window.count) and
             _LIKE_STOP.fullmatch(name)]  # fmt: skip
    bounds = [*starts, *stops]
    if len(bounds) > 1 or not {*bounds} <= _SINGLY_OTHER:
        raise ValueError(
            f"{' and '.join(bounds)} may be a window, and what they count is not known: call the "
            "columns start_frame and stop_frame, or start_seconds and stop_seconds; else something "
            "that tells of no start and end"
        )
    lengths = [name for name in rest if _LIKE_LENGTH.fullmatch(name)]
    if window.start and not (window.stop or window.count) and lengths:
        raise ValueError(
            f"{lengths[0]} may be that of the window, which has a {window.start} and no end, or of "
            "the video: give the end as stop_seconds or stop_frame, or leave the column out"
        )
    if window.start or window.stop:
        return
    for name in names:
        cell = next(filter(None, columns.get(name, ()) if name in PAIR_COLUMNS else ()), "")
        is_pair = len(cell) <= _MAX_PAIR and _PAIR.fullmatch(cell)
        if is_pair or (cell[:1] in ("[", "{") and _NAMED_PAIR.search(cell[:_MAX_READ])):
            raise ValueError(
                f"{name} holds {shorten(cell, _MAX_SHOWN)!r}, which may be the start and end of a "
                "window: give these as two columns, start_seconds and stop_seconds or start_frame "
                "and stop_frame, a row for each window; else call the column otherwise"
            )
