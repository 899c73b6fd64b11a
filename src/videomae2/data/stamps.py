"""What changes when somebody repairs or replaces a video."""

import os
from collections.abc import Iterable

from videomae2.data.looking import look_at

_PATIENCE_SECONDS = 5.0


def stamp(path: str) -> list[int]:
    """Size and time of change of a file; nothing if it is not there.

    Of a folder of images, how many there are, their sizes together, and the latest time.
    """
    try:
        own = os.stat(path)
        if not os.path.isdir(path):
            return [own.st_size, own.st_mtime_ns]
        with os.scandir(path) as entries:
            found = [entry.stat() for entry in entries]
    except (OSError, ValueError):
        return []
    latest = max(one.st_mtime_ns for one in (own, *found))
    return [len(found), sum(one.st_size for one in found), latest]


def stamps_in_time(paths: Iterable[str]) -> dict[str, list[int] | None]:
    """The same of many files; None where none of those that are left answers for some seconds."""
    names = list(dict.fromkeys(paths))
    found = look_at(names, stamp, patience_seconds=_PATIENCE_SECONDS)
    return dict(zip(names, found, strict=True))
