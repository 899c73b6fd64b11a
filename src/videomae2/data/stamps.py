"""What changes when somebody repairs or replaces a video."""

import os

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


def stamp_in_time(path: str) -> list[int] | None:
    """The same; None where the file does not answer within some seconds."""
    (found,) = look_at([path], stamp, patience_seconds=_PATIENCE_SECONDS)
    return found
