"""Entries of lists that cannot be read: since which request, and why; and not too many of them.

An entry is a video, or a window of one. From its first failure on an entry is left out, and before
that it is read, whatever else happens: so what a request gives is a function of its number alone,
and a run that goes on repeats what it did before it was stopped.
"""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from videomae2.data.json_lines import JsonLines
from videomae2.data.manifest import Entry, Manifest
from videomae2.data.stamps import stamps_in_time
from videomae2.errors import UnreadableShareError, VideoError

FILE_NAME = "unreadable.jsonl"

Place = tuple[int, int]
"""Source of an entry, and its number in the list of that: the same wherever the videos lie."""


class Quarantine:
    """The unreadable entries of a run, kept in its folder; one thread may add, another secure."""

    def __init__(
        self, folder: Path | None, manifests: Sequence[Manifest], *, max_share: float
    ) -> None:
        """Open the list, and forget the entries whose files have changed since.

        Args:
            folder: The run folder; None keeps the list in memory only.
            manifests: The lists of the run.
            max_share: Share of their entries that may be unreadable.

        Raises:
            CheckpointError: The file of the list cannot be used.
        """
        self.path = folder / FILE_NAME if folder else None
        self.max_share = max_share
        self.forgotten: set[Place] = set()
        """What is read again because its file has changed."""
        self.reasons: dict[Place, str] = {}
        self._manifests = manifests
        self._since: dict[Place, int] = {}
        self._lock = threading.Lock()
        self._lines: JsonLines | None = None
        if self.path:
            self._now = stamps_in_time(self._paths(_listed(self.path)))
            self._lines = JsonLines(self.path, keep=self._take_over)

    def holds(self, place: Place, request: int) -> bool:
        """Whether an entry had failed when a request was due, or fails with it.

        Args:
            place: The entry.
            request: Number of the request, counted over all steps of the run.
        """
        return place in self._since and self._since[place] <= request

    def add(self, place: Place, error: VideoError, request: int = 0) -> None:
        """List an entry that failed; the earliest failure counts.

        Args:
            place: The entry.
            error: Why it cannot be read; its own path may be that of one image of a frame folder,
                which then stands in the reason.
            request: Number of the request.

        Raises:
            UnreadableShareError: If that makes too many.
        """
        if self.holds(place, request):
            return
        entry = self._entry(place)
        inside = "" if error.path == entry.path else f"{os.path.relpath(error.path, entry.path)}: "
        self.reasons[place], self._since[place] = inside + error.reason, request
        if self._lines is not None:
            line = self._line(place, entry)  # waits for the file, and saving must not wait for it
            with self._lock:
                self._lines.add(line)
                self._lines.flush()
        self.check()

    def check(self) -> None:
        """Raise UnreadableShareError if too many entries are listed."""
        total = sum(map(len, self._manifests))
        if len(self.reasons) / max(1, total) <= self.max_share:
            return
        shown = list(self.reasons.items())[:3]
        examples = "; ".join(f"{_name(self._entry(place))}: {why}" for place, why in shown)
        where = f", all listed in {self.path}" if self.path else ""
        anew = f", or delete {self.path} to try all of them again" if self.path else ""
        raise UnreadableShareError(
            f"{len(self.reasons)} of {total} videos cannot be read, more than "
            f"--data.max-unreadable-share {self.max_share:g}{where}; for example {examples}. "
            f"Repair or replace them and start again (files that have changed are read again), "
            f"allow a larger share{anew}"
        )

    def summary(self) -> str:
        """Say in a line how many are listed, and where."""
        total = sum(map(len, self._manifests))
        where = f", each with its reason in {self.path}" if self.path else ""
        return f"left out {len(self.reasons)} of {total} videos, which cannot be read{where}"

    def secure(self) -> None:
        """Force the list to the disk, from any thread: whoever goes on must not miss an entry.

        Raises:
            OSError: It cannot be written.
        """
        if self._lines is not None:
            with self._lock:
                self._lines.secure()

    def _entry(self, place: Place) -> Entry:
        return self._manifests[place[0]][place[1]]

    def _paths(self, lines: Sequence[dict[str, Any]]) -> Iterator[str]:
        """Where the files of listed entries lie now; lines that are of no entry have none."""
        for line in lines:
            with suppress(LookupError, TypeError):
                yield self._entry(_place(line)).path

    def _line(self, place: Place, entry: Entry) -> dict[str, Any]:
        """What stands in the file; the path and the window are for people."""
        return {
            "path": entry.path,
            "first": entry.first,
            "frames": entry.frames,
            "reason": self.reasons[place],
            "source": place[0],
            "number": place[1],
            "request": self._since[place],
            "stamp": stamps_in_time([entry.path])[entry.path] or [],
        }

    def _take_over(self, line: dict[str, Any]) -> bool:
        """Believe a line, unless the file it is about is another one now."""
        place = _place(line)
        if place in self._since and self._since[place] <= line["request"]:
            return True
        if _has_changed(self._now.get(self._entry(place).path), line["stamp"]):
            self.forgotten.add(place)
            return False
        self.reasons[place], self._since[place] = line["reason"], line["request"]
        return True


def repaired(folder: Path) -> frozenset[str]:
    """The files that a folder's list holds and that have changed since they were listed."""
    before = {line["path"]: line["stamp"] for line in _listed(folder / FILE_NAME)}
    now = stamps_in_time(before)
    return frozenset(path for path in before if _has_changed(now[path], before[path]))


def _listed(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a list; those that are damaged are left out by whoever opens it."""
    found = []
    for text in path.read_bytes().splitlines() if path.exists() else ():
        try:
            line = json.loads(text)
            os.fspath(line["path"]), _place(line), line["stamp"]
        except (ValueError, KeyError, TypeError):
            continue
        found.append(line)
    return found


def _place(line: dict[str, Any]) -> Place:
    return line["source"], line["number"]


def _has_changed(now: list[int] | None, before: list[int]) -> bool:
    """Whether a file is another one now; what does not answer is as broken as it was."""
    return now is not None and now != before


def _name(entry: Entry) -> str:
    window = "" if entry.frames is None else f" ({entry.frames} frames from {entry.first})"
    return f"{entry.path}{window}"
