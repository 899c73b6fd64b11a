"""Whole numbers and times in cells."""

import math
import re

_WHOLE = re.compile(r"-?[0-9]+(?:\.0+)?")  # pandas writes 3.0 if a cell of the column is empty
_SECONDS = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_DECIMAL_COMMA = re.compile(r"[0-9]+,[0-9]+")
_FRAME_CODE = re.compile(r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}[:;][0-9]{2,3}")
_DATE = re.compile(r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}")
_TIME_TEXT = re.compile(
    r"(?:[-+\d.,:;\s]|(?<![^\W\d_])(?:h|hrs?|hours?|m|min|mins|minutes?|s|secs?|seconds?|ms|msecs?|"
    r"am|pm|p?t|f|fr|frames?|e)(?![^\W\d_]))+", re.IGNORECASE
)  # fmt: skip
_EPOCH = 1e8  # seconds from which on a number is a date since 1970, or a number of something
_TIME_CODE = re.compile(r"(?:([0-9]+):)?([0-9]{1,2}):([0-9]{1,2}(?:[.,][0-9]+)?)")


def parse_seconds(text: str, name: str) -> float:
    """Read seconds, or a time code such as 1:02.5 or 01:02:03.

    Raises:
        ValueError: It is neither, or negative; decimal commas and codes of frames are named so.
    """
    if _DECIMAL_COMMA.fullmatch(text):
        raise ValueError(f"{name} has decimal commas: write 0.5 for 0,5")
    if _FRAME_CODE.fullmatch(text):
        raise ValueError(
            f"{name} has time codes that end in frames (hh:mm:ss:ff), whose rate the list does not "
            "say: write seconds such as 62.5, or 00:01:02.5"
        )
    if match := _TIME_CODE.fullmatch(text):
        hours, minutes, seconds = match.groups()
        whole_minutes, rest = int(hours or 0) * 60 + int(minutes), float(seconds.replace(",", "."))
        value = whole_minutes * 60 + rest if int(minutes) < 60 and rest < 60 else math.nan
    else:
        value = float(text) if _SECONDS.fullmatch(text) else math.nan
    if not 0 <= value < 1e9:
        raise ValueError(f"{name} is {text!r}, wanted seconds such as 62.5, or a time as 1:02.5")
    return value


def is_whole_number(text: str) -> bool:
    """Whether a cell holds a whole number, as 3 or 3.0."""
    return _WHOLE.fullmatch(text) is not None


def parse_whole_number(text: str) -> str:
    """The digits of a whole number without the zeros behind its point; other texts as they are."""
    return text.partition(".")[0] if is_whole_number(text) else text


def may_be_time(text: str) -> bool:
    """Whether a cell may be a time or a frame of a video: numbers and units, and no date."""
    if _DATE.search(text) or not any(map(str.isdecimal, text)):
        return False
    if is_whole_number(text) or _SECONDS.fullmatch(text):
        return abs(float(text)) < _EPOCH
    return _TIME_TEXT.fullmatch(text) is not None
