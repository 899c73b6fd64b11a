"""Whether two lists have videos in common, by whatever paths they name them. No torch here."""

import os
from collections.abc import Callable, Iterable

from videomae2.data.looking import map_with_timeout
from videomae2.data.manifest import Entry

_LINK_TIMEOUT_SECONDS = 30.0


def find_overlap(known: Iterable[Entry], candidates: Iterable[Entry]) -> list[Entry]:
    """Those of the others that are also known: the same window of a file, also behind links.

    What does not answer is taken for no link.
    """
    known_entries, candidate_entries = list(known), list(candidates)
    real_paths = _resolve_real_paths([entry.path for entry in (*known_entries, *candidate_entries)])
    known_keys = {(real_paths[entry.path], entry.first, entry.frames) for entry in known_entries}
    return [one for one in candidate_entries if (real_paths[one.path], one.first, one.frames) in known_keys]


def describe_entry(entry: Entry) -> str:
    """Name a video, and the line that names it."""
    return entry.path if entry.location == entry.path else f"{entry.path} ({entry.location})"


def _resolve_real_paths(paths: Iterable[str]) -> dict[str, str]:
    """Where files really lie; every folder is looked up once, since lists name many of each."""
    parts = {path: _split_path(path) for path in paths}
    folders = _resolve_paths({folder for folder, _ in parts.values()}, os.path.realpath)
    path_in_folder = {path: os.path.join(folders[folder], name) for path, (folder, name) in parts.items()}
    files = _resolve_paths(set(path_in_folder.values()), _resolve_link)
    return {path: files[file] for path, file in path_in_folder.items()}


def _split_path(path: str) -> tuple[str, str]:
    """Folder and name; no name where the path ends in a folder by another word."""
    folder, name = os.path.split(path.rstrip(os.sep) or path)
    return (path, "") if name in ("", os.curdir, os.pardir) else (folder, name)


def _resolve_paths(paths: Iterable[str], function: Callable[[str], str]) -> dict[str, str]:
    names = list(paths)
    results = map_with_timeout(names, function, timeout_seconds=_LINK_TIMEOUT_SECONDS)
    return {name: name if result is None else result for name, result in zip(names, results, strict=True)}


def _resolve_link(path: str) -> str:
    """Where a link leads; any other path is itself, for its folder is known."""
    return os.path.realpath(path) if os.path.islink(path) else os.path.normpath(path)
