"""Features on disk, video by video: what was stopped goes on, what is done is read.

A video that could not be read is left over for the next time: why it could not may have passed.

Which arrays there are is the caller's choice: their names, and the shape of one video's part.
"""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from videomae2.base.files import atomic_write_text
from videomae2.base.json_files import read_json
from videomae2.base.lock import FolderLock
from videomae2.errors import ConfigError

PROGRESS_FILE = "progress.json"
_FLUSH_SECONDS = 10.0


ArraySpec = tuple[tuple[int, ...], DTypeLike]
"""The shape of one video's part of an array, and the kind of its numbers."""


class FeatureStore:
    """The features of one list, for one process at a time; arrays stay on the disk until read.

    ``arrays`` are by name, [videos, *shape] each; ``unreadable`` says why, by row.

    Raises:
        ConfigError: There is no room, or the folder cannot be written.
        CheckpointError: Another process fills it.
    """

    def __init__(self, folder: Path, *, videos: int, specs: Mapping[str, ArraySpec]) -> None:
        self.folder, self.videos = folder, videos
        self._flushed = time.monotonic()
        self._lock = FolderLock(folder, activity="extracting features", flag="--cache-dir")
        arrays: dict[str, tuple[Path, tuple[int, ...], DTypeLike]] = {
            name: (folder / f"{name}.bin", (videos, *shape), dtype)
            for name, (shape, dtype) in specs.items()
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            if not all(_exists(*array) for array in arrays.values()):
                (folder / PROGRESS_FILE).unlink(missing_ok=True)  # what it says is done is gone
            self.num_seen, self.unreadable = _read_progress(folder)
            self.arrays = {name: _open_or_create(*array) for name, array in arrays.items()}
        except OSError as error:
            raise ConfigError(
                f"cannot keep features in {folder}: {error.strerror}; choose another --cache-dir, "
                f"or a smaller --token-gib"
            ) from error

    def __enter__(self) -> "FeatureStore":
        return self

    def __exit__(self, *error: object) -> None:
        self.flush()
        self._lock.release()

    def pending(self) -> list[int]:
        """The rows that have no features yet: those that could not be read, then the others."""
        return [*sorted(self.unreadable), *range(self.num_seen, self.videos)]

    def write(self, row: int, features: Mapping[str, NDArray[Any]]) -> None:
        """Take the features of a video, one of each array, in the order of ``pending``."""
        for name, array in self.arrays.items():
            array[row] = features[name]
        self.unreadable.pop(row, None)
        self._advance(row)

    def mark_unreadable(self, row: int, reason: str) -> None:
        self.unreadable[row] = reason
        self._advance(row)

    def _advance(self, row: int) -> None:
        self.num_seen = max(self.num_seen, row + 1)
        if time.monotonic() - self._flushed > _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Bring all that is done to the disk, and only then say that it is."""
        for array in self.arrays.values():
            array.flush()
        progress = {"done": self.num_seen, "unreadable": self.unreadable}
        atomic_write_text(self.folder / PROGRESS_FILE, json.dumps(progress) + "\n")
        self._flushed = time.monotonic()


def count_done(folder: Path) -> int:
    """How many videos a folder holds the features of."""
    done, unreadable = _read_progress(folder)
    return done - len(unreadable)


def is_complete(folder: Path, videos: int) -> bool:
    """Whether every video of a list was tried once."""
    return _read_progress(folder)[0] == videos


def _read_progress(folder: Path) -> tuple[int, dict[int, str]]:
    try:
        progress = read_json(folder / PROGRESS_FILE)
        done, unreadable = progress["done"], progress["unreadable"]
        reasons = {int(row): str(why) for row, why in unreadable.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return 0, {}
    is_ours = type(done) is int and done >= 0 and all(0 <= row < done for row in reasons)
    return (done, reasons) if is_ours else (0, {})


def count_video_bytes(specs: Mapping[str, ArraySpec]) -> int:
    """How much room the features of one video take."""
    return sum(_count_bytes(shape, dtype) for shape, dtype in specs.values())


def _exists(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> bool:
    """Whether an array is on disk, whole."""
    return path.exists() and path.stat().st_size == _count_bytes(shape, dtype)


def _open_or_create(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> "np.memmap[Any, Any]":
    """Open or make an array. Its room is taken first: a full disk would kill the process later."""
    if not _exists(path, shape, dtype):
        num_bytes = _count_bytes(shape, dtype)
        handle = os.open(path, os.O_RDWR | os.O_CREAT)
        try:
            os.posix_fallocate(handle, 0, num_bytes)
            os.ftruncate(handle, num_bytes)
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(handle)
    return np.memmap(path, dtype=dtype, mode="r+", shape=shape)


def _count_bytes(shape: tuple[int, ...], dtype: DTypeLike) -> int:
    return int(np.prod(shape)) * np.dtype(dtype).itemsize
