"""Whether two lists have videos in common, by whatever paths they name them. No torch here."""

import os
from collections.abc import Iterable

from videomae2.data.manifest import Entry


def in_both(known: Iterable[Entry], others: Iterable[Entry]) -> list[Entry]:
    """Those of the others that are also known: the same window of a file, also behind links."""
    places = _Places()
    seen = {places.of(entry) for entry in known}
    return [entry for entry in others if places.of(entry) in seen]


def such_as(entry: Entry) -> str:
    """Name a video, and the line that names it."""
    return entry.path if entry.where == entry.path else f"{entry.path} ({entry.where})"


class _Places:
    """Where videos really lie; every folder is looked up once, since lists name many of each."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def of(self, entry: Entry) -> tuple[str, int, int | None]:
        return self._file(entry.path), entry.first, entry.frames

    def _file(self, path: str) -> str:
        folder, name = os.path.split(path)
        if name in ("", os.curdir, os.pardir):
            return os.path.realpath(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        file = os.path.join(self._folders[folder], name)
        return os.path.realpath(file) if os.path.islink(file) else file
