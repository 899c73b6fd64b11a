"""Which videos two lists have in common, by whatever paths they name them. No torch here.

The same one is: the same whole path and window, or an id that many lists share.
"""

import os
import re
from collections.abc import Callable, Iterable
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


def find_overlap(known: Iterable[Entry], candidates: Iterable[Entry]) -> list[Entry]:
    """Those of the others that are also known: the same window of a file, also behind links."""
    known_entries, candidate_entries = list(known), list(candidates)
    real_paths = _resolve_real_paths([entry.path for entry in (*known_entries, *candidate_entries)])
    known_keys = {(real_paths[entry.path], entry.first, entry.frames) for entry in known_entries}
    return [
        one
        for one in candidate_entries
        if (real_paths[one.path], one.first, one.frames) in known_keys
    ]


def describe_entry(entry: Entry) -> str:
    """Name a video, and the line that names it."""
    return entry.path if entry.location == entry.path else f"{entry.path} ({entry.location})"


def _resolve_real_paths(paths: Iterable[str]) -> dict[str, str]:
    """Where files really lie; every folder is looked up once, since lists name many of each."""
    parts = {path: _split_path(path) for path in paths}
    folders = _resolve_paths({folder for folder, _ in parts.values()}, _resolve_folder)
    path_in_folder = {
        path: os.path.join(folders[folder], name) for path, (folder, name) in parts.items()
    }
    files = _resolve_paths(set(path_in_folder.values()), _resolve_link)
    return {path: files[file] for path, file in path_in_folder.items()}


def _split_path(path: str) -> tuple[str, str]:
    """Folder and name; no name where the path ends in a folder by another word."""
    folder, name = os.path.split(path.rstrip(os.sep) or path)
    return (path, "") if name in ("", os.curdir, os.pardir) else (folder, name)


def _resolve_paths(paths: Iterable[str], function: Callable[[str], str]) -> dict[str, str]:
    names = list(paths)
    return dict(zip(names, map_files(names, function), strict=True))


def _resolve_folder(path: str) -> str:
    try:
        return os.path.realpath(path)
    except ValueError:  # a NUL in it: no file, which reading will say
        return path


def _resolve_link(path: str) -> str:
    """Where a link leads; any other path is itself, for its folder is known."""
    return os.path.realpath(path) if os.path.islink(path) else os.path.normpath(path)
