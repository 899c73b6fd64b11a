"""What changes when somebody repairs or replaces a video."""

import os
from collections.abc import Iterable

from videomae2.data.looking import map_with_timeout

_STAT_TIMEOUT_SECONDS = 5.0


def file_stat(path: str) -> list[int]:
    """Size and time of change of a file; nothing if it is not there.

    Of a folder of images, how many there are, their sizes together, and the latest time.
    """
    try:
        path_stat = os.stat(path)
        if not os.path.isdir(path):
            return [path_stat.st_size, path_stat.st_mtime_ns]
        with os.scandir(path) as entries:
            entry_stats = [entry.stat() for entry in entries]
    except (OSError, ValueError):
        return []
    latest = max(one.st_mtime_ns for one in (path_stat, *entry_stats))
    return [len(entry_stats), sum(one.st_size for one in entry_stats), latest]


def stat_many(paths: Iterable[str]) -> dict[str, list[int] | None]:
    """The same of many files; None where none of those that are left answers for some seconds."""
    names = list(dict.fromkeys(paths))
    stats = map_with_timeout(names, file_stat, timeout_seconds=_STAT_TIMEOUT_SECONDS)
    return dict(zip(names, stats, strict=True))
