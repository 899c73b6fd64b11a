"""Entries of lists that cannot be read: since which request, and why; and not too many of them.

An entry is a video, or a window of one. From its first failure on an entry is left out, and before
that it is read, whatever else happens: so what a request gives is a function of its number alone,
and a run that goes on repeats what it did before it was stopped.
"""

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from videomae2.base.file_kinds import read_regular_file
from videomae2.base.json_files import parse_json
from videomae2.base.jsonl import JsonLines
from videomae2.base.text import format_count
from videomae2.data.manifests.fingerprint import file_stat
from videomae2.data.manifests.manifest import Entry, Manifest
from videomae2.data.splits.overlap import format_entry_id
from videomae2.errors import TooManyUnreadableError, VideoError

FILE_NAME = "unreadable.jsonl"

SampleId = tuple[int, int]
"""Source of an entry, and its number in the list of that: the same wherever the videos lie."""


class Quarantine:
    """The unreadable entries of a run, kept in its folder; one thread may add, another secure."""

    def __init__(
        self, folder: Path | None, manifests: Sequence[Manifest], *, max_share: float
    ) -> None:
        """Open the list, and forget the entries whose files have changed since.

        Without a folder the list is kept in memory only.

        Raises:
            CheckpointError: The file of the list cannot be used.
        """
        self.path = folder / FILE_NAME if folder else None
        self.max_share = max_share
        self.retried: set[SampleId] = set()
        """What is read again because its file has changed."""
        self.reasons: dict[SampleId, str] = {}
        self._manifests = manifests
        self._first_failure: dict[SampleId, int] = {}
        self._lock = threading.Lock()
        self._lines: JsonLines | None = None
        if self.path:
            self._lines = JsonLines(self.path, keep_line=self._restore_line)

    def is_skipped(self, sample_id: SampleId, request: int) -> bool:
        """Whether an entry had failed when a request was due, or fails with it.

        Requests are counted over all steps of the run.
        """
        return sample_id in self._first_failure and self._first_failure[sample_id] <= request

    def add(self, sample_id: SampleId, error: VideoError, request: int = 0) -> None:
        """List an entry that failed; the earliest failure counts.

        The path of the error may be one image of a frame folder; it then stands in the reason.

        Raises:
            TooManyUnreadableError: If that makes too many.
        """
        if self.is_skipped(sample_id, request):
            return
        entry = self._get_entry(sample_id)
        location = (
            "" if error.path == entry.path else f"{os.path.relpath(error.path, entry.path)}: "
        )
        self.reasons[sample_id], self._first_failure[sample_id] = location + error.reason, request
        if self._lines is not None:
            # before the lock: this may wait for the file, and saving must not wait for it
            line = self._build_line(sample_id, entry)
            with self._lock:
                self._lines.add(line)
                self._lines.flush()
        self.check_share()

    def check_share(self) -> None:
        """Raise TooManyUnreadableError if too many entries are listed."""
        total = sum(map(len, self._manifests))
        if len(self.reasons) / max(1, total) <= self.max_share:
            return
        examples_shown = list(self.reasons.items())[:3]
        examples = "; ".join(
            f"{format_entry_id(self._get_entry(place))}: {why}" for place, why in examples_shown
        )
        location = f", all listed in {self.path}" if self.path else ""
        retry_hint = f", or delete {self.path} to try all of them again" if self.path else ""
        raise TooManyUnreadableError(
            f"{len(self.reasons)} of {format_count(total, 'video')} cannot be read, more than "
            f"--data.max-unreadable-share {self.max_share:g}{location}; for example {examples}. "
            f"Repair or replace them and start again (files that have changed are read again), "
            f"allow a larger share{retry_hint}"
        )

    def format_summary(self) -> str:
        """Say in a line how many are listed, and where."""
        total = sum(map(len, self._manifests))
        location = f", each with its reason in {self.path}" if self.path else ""
        return (
            f"skipped  {len(self.reasons)} of {format_count(total, 'video')}, which "
            f"cannot be read{location}"
        )

    def fsync(self) -> None:
        """Force the list to the disk, from any thread: whoever goes on must not miss an entry.

        Raises:
            OSError: It cannot be written.
        """
        if self._lines is not None:
            with self._lock:
                self._lines.fsync()

    def _get_entry(self, sample_id: SampleId) -> Entry:
        return self._manifests[sample_id[0]][sample_id[1]]

    def _build_line(self, sample_id: SampleId, entry: Entry) -> dict[str, Any]:
        """What stands in the file; the path and the window are for people."""
        return {
            "path": entry.path,
            "window": entry.format_window(),
            "reason": self.reasons[sample_id],
            "source": sample_id[0],
            "number": sample_id[1],
            "request": self._first_failure[sample_id],
            "file_stat": file_stat(entry.path),
        }

    def _restore_line(self, line: dict[str, Any]) -> bool:
        """Believe a line, unless the file it is about is another one now."""
        sample_id = _get_sample_id(line)
        if sample_id in self._first_failure and self._first_failure[sample_id] <= line["request"]:
            return True
        if file_stat(self._get_entry(sample_id).path) != line["file_stat"]:
            self.retried.add(sample_id)
            return False
        self.reasons[sample_id], self._first_failure[sample_id] = line["reason"], line["request"]
        return True


def find_changed_files(folder: Path) -> frozenset[str]:
    """The files that a folder's list holds and that have changed since they were listed."""
    listed_stats = {line["path"]: line["file_stat"] for line in _load_lines(folder / FILE_NAME)}
    return frozenset(path for path, listed in listed_stats.items() if file_stat(path) != listed)


def _load_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a list; those that are damaged are left out by whoever opens it."""
    lines = []
    for text in read_regular_file(path).splitlines() if path.exists() else ():
        try:
            line = parse_json(text)
            os.fspath(line["path"]), _get_sample_id(line), line["file_stat"]
        except (ValueError, KeyError, TypeError):
            continue
        lines.append(line)
    return lines


def _get_sample_id(line: dict[str, Any]) -> SampleId:
    """The entry of a line; ValueError for a line that nobody of us wrote."""
    numbers = line["source"], line["number"], line["request"]
    if not all(type(n) is int and n >= 0 for n in numbers) or not isinstance(line["reason"], str):
        raise ValueError("no line of an unreadable entry")
    return numbers[0], numbers[1]
