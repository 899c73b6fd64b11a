"""What makes two videos the same one: the whole path and window, or an id that many lists share."""

import os
import re
from typing import Literal

from videomae2.data.folders import VIDEO_EXTENSIONS, get_extension
from videomae2.data.manifest import Entry

IdRule = Literal["path", "file-name", "youtube"]
"""Where the id of a video stands: in its whole path; its file name without extension; or the 11
characters of YouTube at the start of that, with or without the times of the part cut out."""

_YOUTUBE = re.compile(r"([A-Za-z0-9_-]{11})(?:_[0-9]{6}_[0-9]{6})?")


def format_entry_id(entry: Entry) -> str:
    """Name a video, or a window of one, unlike any other: its path, and its frames if not all.

    The released code takes the file name up to its first dot: a/001.mp4 and b/001.mp4 become one.
    """
    path = os.path.normpath(entry.path)
    if entry.frames is None and entry.first == 0:
        return path
    stop = "" if entry.frames is None else entry.first + entry.frames
    return f"{path}[{entry.first}:{stop}]"


def extract_video_id(path: str, rule: IdRule) -> str:
    """Give the id of a video file, by which lists that hold the same video are compared.

    Raises:
        ValueError: The file name is none of YouTube's ids.
    """
    normalized = os.path.normpath(path)
    if rule == "path":
        return normalized
    name = os.path.splitext(os.path.basename(normalized))[0]
    if rule == "file-name":
        return name
    if match := _YOUTUBE.fullmatch(name):
        return match[1]
    raise ValueError(
        f"{path}: {name!r} is no YouTube id of 11 characters, nor one with times such as"
        " -3B32lodo2M_000059_000069; the rule file-name takes whole names"
    )


def parse_video_id(text: str, rule: IdRule) -> str:
    """Give the id that stands in a cell of a list: as in a file name, with an extension or without.

    Raises:
        ValueError: It is none of YouTube's ids.
    """
    if rule == "file-name" and get_extension(text) not in VIDEO_EXTENSIONS:
        return text  # its dots are its own
    return extract_video_id(text, rule)
