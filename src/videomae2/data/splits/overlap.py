"""Which videos two lists have in common, by whatever paths they name them. No torch here.

The same one is: the same whole path and window, or an id that many lists share.
"""

import os
import re
from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Literal

from videomae2.data.manifests.fingerprint import map_files
from videomae2.data.manifests.folders import VIDEO_EXTENSIONS, get_extension
from videomae2.data.manifests.manifest import Entry

IdRule = Literal["path", "file-name", "youtube"]
"""Where the id of a video stands: in its whole path; its file name without extension; or the 11
characters of YouTube at the start of that, with or without the times of the part cut out."""

_YOUTUBE = re.compile(r"([A-Za-z0-9_-]{11})(?:_[0-9]{6}_[0-9]{6})?")


def format_entry_id(entry: Entry) -> str:
    """Name a video, or a window of one, unlike any other: its path, and its frames if not all.

    The released code takes the file name up to its first dot: a/001.mp4 and b/001.mp4 become one.
    """
    return os.path.normpath(entry.path) + entry.format_window()


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


def find_overlap(known: Iterable[Entry], candidates: Iterable[Entry]) -> list[Entry]:
    """Those of the candidates that are also known: the same window of a file, also behind links."""
    known_entries, candidate_entries = list(known), list(candidates)
    real_path_of = resolve_paths({entry.path for entry in (*known_entries, *candidate_entries)})
    known_keys = {(real_path_of[entry.path], entry.window) for entry in known_entries}
    return [
        entry
        for entry in candidate_entries
        if (real_path_of[entry.path], entry.window) in known_keys
    ]


def resolve_paths(paths: Collection[str]) -> dict[str, str]:
    """Where each of some files really lies, by its path: one name for every spelling, and links."""
    resolve_folder = cache(_resolve_folder)  # lists name many files of each
    names = list(paths)
    real_paths = map_files(names, lambda path: _resolve_path(path, resolve_folder))
    return dict(zip(names, real_paths, strict=True))


def describe_entry(entry: Entry) -> str:
    """Name a video, and the line that names it."""
    return entry.path if entry.location == entry.path else f"{entry.path} ({entry.location})"


def _resolve_path(path: str, resolve_folder: Callable[[str], str]) -> str:
    """Where a file really lies."""
    folder, name = os.path.split(path.rstrip(os.sep) or path)
    if name in ("", os.curdir, os.pardir):  # a folder, by another word
        return resolve_folder(path)
    located = os.path.join(resolve_folder(folder), name)
    return _resolve_folder(located) if os.path.islink(located) else located


def _resolve_folder(path: str) -> str:
    try:
        return os.path.realpath(path)
    except ValueError:  # a NUL in it: no file, which reading will say
        return path
