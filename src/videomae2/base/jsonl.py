"""A file of JSON lines that only ever grows by whole lines, whatever happens to disk or process.

No torch here: the list of unreadable videos and the log of a run are both such files.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from videomae2.base.file_kinds import read_regular_file
from videomae2.base.files import atomic_write
from videomae2.base.json_files import parse_json
from videomae2.errors import CheckpointError

KeepLine = Callable[[dict[str, Any]], bool]


class JsonLines:
    """Lines that cannot be written, because the disk is full, wait in memory for the next try."""

    def __init__(self, path: Path, *, keep_line: KeepLine) -> None:
        """Open a file for appending.

        Args:
            path: The file; it need not exist.
            keep_line: Which of the lines that are there already stay; a broken line never does.

        Raises:
            CheckpointError: It cannot be read, or not be rewritten without the lines that go.
        """
        self.path = path
        self._pending: list[bytes] = []
        try:
            self._size = _recover(path, keep_line)
        except OSError as error:
            raise CheckpointError(f"cannot go on with {path}: {error.strerror}") from error

    def add(self, entry: dict[str, Any]) -> None:
        """Take a line; it is written by the next ``flush``."""
        self._pending.append(json.dumps(entry).encode() + b"\n")

    def flush(self) -> bool:
        """Write the waiting lines; False if that failed, then they wait on."""
        try:
            self._append()
        except OSError:
            return False
        return True

    def fsync(self) -> None:
        """Write the waiting lines, and force all of them to the disk.

        Raises:
            OSError: That failed; the lines wait on.
        """
        self._append()
        if self.path.exists():
            with self.path.open("rb") as file:
                os.fsync(file.fileno())

    def _append(self) -> None:
        if not self._pending:
            return
        block = b"".join(self._pending)
        self._size = append_block(self.path, block, whole_bytes=self._size) + len(block)
        self._pending.clear()


def append_block(path: Path, block: bytes, *, whole_bytes: int) -> int:
    """Write whole lines at the end of a file, and give where they begin.

    Args:
        path: The file.
        block: The lines.
        whole_bytes: How far the file is whole; behind that is a part of a line that did not fit. A
            file that somebody has emptied or deleted ends before it.

    Raises:
        OSError: They cannot be written.
    """
    with path.open("ab") as file:
        begin = min(whole_bytes, file.seek(0, os.SEEK_END))
        file.truncate(begin)
        file.write(block)
    return begin


def _recover(path: Path, keep_line: KeepLine) -> int:
    """Leave only lines to keep, and give the file's size then.

    Where only the end goes, which is the rule, it is cut off: that needs no room.
    """
    if not path.exists():
        return 0
    content = read_regular_file(path)
    kept = b"".join(line for line in content.splitlines(keepends=True) if _is_kept(line, keep_line))
    if content.startswith(kept):
        os.truncate(path, len(kept))
    else:
        with atomic_write(path) as partial:
            partial.write_bytes(kept)
    return len(kept)


def _is_kept(line: bytes, keep_line: KeepLine) -> bool:
    if not line.endswith(b"\n"):
        return False
    try:
        return keep_line(parse_json(line))
    except (ValueError, LookupError, TypeError):
        return False
