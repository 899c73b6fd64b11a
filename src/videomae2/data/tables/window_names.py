"""Whether the name of a column tells of a window: a start, an end, a length or a moment.

A name is its words and units, whatever stands between them. What is clear is read; what may be a
window and is not clear is asked about elsewhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Unit = Literal["frames", "seconds"]
Role = Literal["start", "stop", "length", "moment"]

_CLEAR = {"start", "begin", "stop", "end"}
_STRONG: dict[str, Role] = {
    **dict.fromkeys(("start", "started", "begin", "begun", "onset", "inicio", "inpoint"), "start"),
    **dict.fromkeys(
        ("end", "ended", "stop", "stopped", "finish", "finished", "until", "till", "outpoint"),
        "stop",
    ),
}  # fmt: skip
"""Words that tell of a window beside any others but those of other things."""
_WEAK: dict[str, Role] = {
    **dict.fromkeys(
        ("from", "first", "in", "t0", "starts", "starting", "begins", "beginning", "entry", "lower",
         "ini", "ts", "since", "min", "anfang", "beginn", "debut"), "start"
    ),
    **dict.fromkeys(
        ("to", "last", "out", "t1", "ends", "ending", "exit", "upper", "fin", "te", "thru",
         "offset", "max", "ende"), "stop"
    ),
}  # fmt: skip
"""Words that tell of one beside a unit or what the window is of, or where both ends are there."""
_LENGTHS = {"duration", "length", "dur", "len"}
_MIDDLES = {"center", "centre", "middle", "mid", "midpoint", "peak", "apex"}
_SECONDS = {"s", "sec", "secs", "second", "seconds"}
_TIMES = {"time", "timestamp", "timecode", "t"}
_MOMENTS = {"time", "timestamp", "timecode", "frame", "pts", "keyframe", "ts"}
_UNITS = _SECONDS | _TIMES | {
    "times", "timestamps", "timecodes", "pts", "frame", "frames", "f", "fr", "frm", "ms", "msec",
    "msecs", "millis", "millisecond", "milliseconds", "minute", "minutes", "mins", "hour", "hours",
}  # fmt: skip
_SCOPES = {
    "clip", "segment", "seg", "window", "action", "event", "temporal", "video", "movie", "media",
    "phase", "trim", "interval", "annotation", "sequence",
}  # fmt: skip
_NUMBERS = {"idx", "index", "number", "num", "no", "nr", "id", "pos", "position", "point", "at"}
_OTHER_THINGS = {
    "x", "y", "z", "lat", "lon", "lng", "latitude", "longitude", "gps", "date", "day", "month",
    "year", "week", "age", "weight", "volume", "score", "temperature", "temp", "pressure", "speed",
    "velocity", "price", "cost", "value", "count", "counts", "place", "location", "city", "country",
    "address", "station", "name", "user", "diastolic", "systolic", "dose", "level", "stage", "rate",
    "height", "width", "size", "distance", "angle", "color", "colour",
}  # fmt: skip
"""What else starts and ends, or has a range."""
_PAIRS = {
    "segment", "segments", "interval", "intervals", "window", "windows", "range", "ranges", "span",
    "spans", "clip", "clips", "time", "times", "timestamp", "timestamps", "timeline", "timelines",
    "bounds", "boundaries", "timecode", "timecodes", "moment", "moments", "annotation",
    "annotations", "events", "actions", "tricks", "period", "periods",
}  # fmt: skip


def _any_of(words: set[str]) -> str:
    return "|".join(sorted((word for word in words if len(word) > 2), key=len, reverse=True))


_WORD = re.compile(r"t[01](?![^\W_])|[^\W\d_]+|[0-9]+")
_ROLE = _any_of({*_STRONG} | _MIDDLES)
_OTHER_PART = _any_of(_UNITS | _SCOPES | _NUMBERS)
_GLUED = re.compile(f"(?=.*(?:{_ROLE}))(?:[tf](?={_ROLE})|{_ROLE}|{_OTHER_PART})+|[tf](?:min|max)")
_PART = re.compile(f"^[tf](?=min$|max$|{_ROLE})|{_ROLE}|min$|max$|{_OTHER_PART}")


@dataclass(frozen=True, slots=True)
class WindowName:
    """What a name tells of a window."""

    role: Role
    unit: Unit | None = None
    is_clear: bool = False
    """It is read as it stands; its values have to tell the unit if that is None."""
    is_weak: bool = False
    """Alone it may be anything."""


def split_words(name: str) -> list[str]:
    """The words of a name in lower case; starttime has two, and restart is one."""
    words: list[str] = []
    for word in _WORD.findall(name):
        words += _PART.findall(word) if _GLUED.fullmatch(word) else [word]
    return words


@lru_cache(maxsize=1024)
def parse_window_name(name: str) -> WindowName | None:
    """What the name of a column, in lower case, tells of a window; None for other names."""
    words = split_words(name)
    rest = {*words}
    if strong := _find_role(words, _STRONG):
        return None if rest & _OTHER_THINGS and not rest & _UNITS else _describe(words, strong)
    if _find_role(words, _STRONG) is None and rest & {*_STRONG}:
        return None  # both ends
    if rest & _LENGTHS:
        return None if rest & _OTHER_THINGS else WindowName("length")
    weak = _find_role(words, _WEAK)
    if weak and not rest - {*_WEAK} and not rest & {"min", "max"}:
        return WindowName(weak, is_weak=True)
    if rest - {*_WEAK} - _MIDDLES - _UNITS - _SCOPES - _NUMBERS - _MOMENTS:
        return None
    if weak:
        return WindowName(weak, is_weak=not rest & (_UNITS | _SCOPES))
    is_moment = rest & _MOMENTS or (rest & _MIDDLES and rest & _UNITS)
    return WindowName("moment") if is_moment else None


def find_paired(names: Sequence[str]) -> list[str]:
    """Names of which one is the other with an end in place of its start, whatever is around it."""
    starts, stops = ([w for w, r in _STRONG.items() if r == role] for role in ("start", "stop"))
    names = [name for name in names if not {*split_words(name)} & _OTHER_THINGS]
    known = {*names}
    return [
        name for start in names for word in starts if word in start
        for stop in stops if (other := start.replace(word, stop)) in known
        for name in (start, other)
    ]  # fmt: skip


def may_hold_pair(name: str) -> bool:
    """Whether cells of a column may hold both ends of a window at once, as in 0.2-0.6."""
    words = {*split_words(name)}
    roles = {_STRONG[word] for word in words if word in _STRONG}
    return not words & (_OTHER_THINGS | _NUMBERS) and (bool(words & _PAIRS) or len(roles) > 1)


def _find_role(words: list[str], roles: dict[str, Role]) -> Role | None:
    """The one role that words have; None where they have none, or both."""
    found = {roles[word] for word in words if word in roles}
    return found.pop() if len(found) == 1 else None


def _describe(words: list[str], role: Role) -> WindowName:
    """The bound that a strong word is, with its unit where it is clear."""
    bounds = [word for word in words if word in _STRONG]
    units = {*words} - {*bounds}
    is_clear = len(bounds) == 1 and bounds[0] in _CLEAR
    if len(words) == 1 and bounds[0].endswith(("ed", "un")):
        return WindowName(role, is_weak=True)  # a flag, maybe
    if is_clear and units <= _SECONDS | _TIMES:
        return WindowName(role, "seconds" if units else None, is_clear=True)
    if is_clear and units == {"frame"}:
        return WindowName(role, "frames", is_clear=True)
    return WindowName(role)
