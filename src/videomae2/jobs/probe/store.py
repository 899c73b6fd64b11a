"""Features on disk, video by video: what was stopped goes on, what is done is read.

Axes: videos; kinds = without and with the closing norm; tokens; dim.
"""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from videomae2.errors import ConfigError
from videomae2.jobs.whole_files import written_whole

PROGRESS_FILE = "progress.json"

_FLUSH_SECONDS = 10.0


class FeatureStore:
    """The features of one list; for one process at a time.

    Args:
        folder: Where; made if it is not there.
        videos: How many the list has.
        dim: Width of a feature.
        tokens: Tokens kept of each video; None keeps none.

    Raises:
        ConfigError: There is no room, the folder cannot be written, or another process fills it.
    """

    def __init__(self, folder: Path, *, videos: int, dim: int, tokens: int | None) -> None:
        self.folder, self.videos = folder, videos
        self.done, self.unreadable = _progress(folder)
        self._flushed = time.monotonic()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(folder)
            self.pooled = _array(folder / "pooled.bin", (videos, 2, dim), np.float32)
            self.tokens = (
                None if tokens is None
                else _array(folder / "tokens.bin", (videos, tokens, dim), np.float16)
            )  # fmt: skip
        except OSError as error:
            raise ConfigError(
                f"cannot keep features in {folder}: {error.strerror}; choose another --cache, or "
                f"a smaller --token-gib"
            ) from error

    def __enter__(self) -> "FeatureStore":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.flush()
        os.close(self._lock)

    @property
    def is_complete(self) -> bool:
        """Whether every video has been tried."""
        return self.done == self.videos

    def put(self, pooled: NDArray[np.float32], tokens: NDArray[np.float16] | None) -> None:
        """Take the features of the next video."""
        self.pooled[self.done] = pooled
        if self.tokens is not None:
            assert tokens is not None
            self.tokens[self.done] = tokens
        self._advance()

    def leave_out(self, reason: str) -> None:
        """Note that the next video cannot be read."""
        self.unreadable[self.done] = reason
        self._advance()

    def _advance(self) -> None:
        self.done += 1
        if time.monotonic() - self._flushed > _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Bring all that is done to the disk, and only then say that it is."""
        self.pooled.flush()
        if self.tokens is not None:
            self.tokens.flush()
        said = {"done": self.done, "unreadable": self.unreadable}
        with written_whole(self.folder / PROGRESS_FILE) as partial:
            partial.write_text(json.dumps(said) + "\n")
        self._flushed = time.monotonic()


def is_complete(folder: Path, videos: int) -> bool:
    """Whether a folder holds the features of all its videos."""
    return _progress(folder)[0] == videos


def _progress(folder: Path) -> tuple[int, dict[int, str]]:
    try:
        said: Mapping[str, dict[str, str]] = json.loads((folder / PROGRESS_FILE).read_text())
        return int(str(said["done"])), {int(row): why for row, why in said["unreadable"].items()}
    except (OSError, ValueError, KeyError):
        return 0, {}


def _array(path: Path, shape: tuple[int, ...], kind: DTypeLike) -> "np.memmap[Any, Any]":
    """Open an array on disk. Its room is taken first: a full disk would kill the process later."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        if os.fstat(handle).st_size != size:
            os.posix_fallocate(handle, 0, size)
            os.ftruncate(handle, size)
    except OSError:
        path.unlink()
        raise
    finally:
        os.close(handle)
    return np.memmap(path, dtype=kind, mode="r+", shape=shape)


def _locked(folder: Path) -> int:
    handle = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise ConfigError(
            f"another process uses the features in {folder}; wait for it, or choose another --cache"
        ) from error
    return handle
