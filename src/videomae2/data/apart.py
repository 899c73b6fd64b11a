"""Whether two lists have videos in common, by whatever paths they name them. No torch here."""

import os
from collections.abc import Callable, Iterable

from videomae2.data.looking import look_at
from videomae2.data.manifest import Entry

_PATIENCE_SECONDS = 30.0


def in_both(known: Iterable[Entry], others: Iterable[Entry]) -> list[Entry]:
    """Those of the others that are also known: the same window of a file, also behind links.

    What does not answer is taken for no link.
    """
    first, second = list(known), list(others)
    real = _real([entry.path for entry in (*first, *second)])
    seen = {(real[one.path], one.first, one.frames) for one in first}
    return [one for one in second if (real[one.path], one.first, one.frames) in seen]


def such_as(entry: Entry) -> str:
    """Name a video, and the line that names it."""
    return entry.path if entry.where == entry.path else f"{entry.path} ({entry.where})"


def _real(paths: Iterable[str]) -> dict[str, str]:
    """Where files really lie; every folder is looked up once, since lists name many of each."""
    parts = {path: _parts(path) for path in paths}
    folders = _looked_up({folder for folder, _ in parts.values()}, os.path.realpath)
    inside = {path: os.path.join(folders[folder], name) for path, (folder, name) in parts.items()}
    files = _looked_up(set(inside.values()), _link)
    return {path: files[file] for path, file in inside.items()}


def _parts(path: str) -> tuple[str, str]:
    """Folder and name; no name where the path ends in a folder by another word."""
    folder, name = os.path.split(path.rstrip(os.sep) or path)
    return (path, "") if name in ("", os.curdir, os.pardir) else (folder, name)


def _looked_up(paths: Iterable[str], look: Callable[[str], str]) -> dict[str, str]:
    names = list(paths)
    found = look_at(names, look, patience_seconds=_PATIENCE_SECONDS)
    return {name: name if one is None else one for name, one in zip(names, found, strict=True)}


def _link(path: str) -> str:
    """Where a link leads; any other path is itself, for its folder is known."""
    return os.path.realpath(path) if os.path.islink(path) else os.path.normpath(path)
