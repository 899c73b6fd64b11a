"""Frames of videos that were decoded once, in memory that all reading processes share.

A file without a name: whoever is killed leaves nothing behind. It takes room as videos come. It is
seen read-only and written through the file, so that no decoder gone wild can reach what it holds.

    | counts | a record for each entry | frames and times of entries, in the order they came in |

No torch here. Axes: frames, height, width, channels.
"""

import contextlib
import fcntl
import itertools
import mmap
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from videomae2.data.video.reader import Frames, Reader, Seconds, check_indices
from videomae2.data.workers.memory import find_free_bytes
from videomae2.data.workers.shared_buffer import open_anonymous_file

MIN_MEASURED = 32
"""Videos that tell how much all of them will take."""

FileState = tuple[int, int]
"""Size and time of change of a file or folder."""

_COUNTS = np.dtype([(name, "<i8") for name in ("entries", "kept", "bytes", "used", "refused")])
_SHAPE = ("frames", "height", "width", "channels")
_FIELDS = (*_SHAPE, "offset", "has_seconds", "file_size", "mtime_ns", "state")
_RECORD = np.dtype([(name, "<i8") for name in _FIELDS])
_NEW, _TRIED, _KEPT = range(3)
_ALIGNMENT = 64
_CHECK_BYTES = 64 << 20  # what comes in between two looks at free memory, unless a video is larger
_FREE_SHARE = 8  # this part of its size the cache leaves free on the machine

_serials = itertools.count()


class CacheFile(NamedTuple):
    """A cache, as requests name it."""

    descriptor: int
    serial: int
    """Tells it from others of the main process that had the same descriptor."""


class CachePlace(NamedTuple):
    """Where the entries of a source stand in a cache."""

    file: CacheFile
    first: int
    """The number of the first."""


class CacheState(NamedTuple):
    """How full a cache is."""

    num_kept: int
    """Videos in it."""
    num_bytes: int
    """Their size."""
    refused_bytes: int
    """What all would take, where no more come in: it does not fit, or memory is short; else 0."""


class CachedReader(Reader):
    """The frames of an entry in a cache."""

    def __init__(self, path: str, frames: Frames, seconds: Seconds | None) -> None:
        self._path, self._frames, self.seconds = path, frames, seconds
        self.num_frames = len(frames)

    def read(self, indices: Sequence[int]) -> Frames:
        check_indices(self._path, indices, self.num_frames)
        return self._frames[list(indices)]


class FrameCache:
    """The frames of entries by number: each as its reader gave them, all of its frames or none."""

    def __init__(self, file: CacheFile) -> None:
        """See what ``create_cache`` made, from any process that has the file open."""
        self.file = file
        self._memory = mmap.mmap(file.descriptor, 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
        self._counts = np.frombuffer(self._memory, _COUNTS, count=1)
        self._records = np.frombuffer(
            self._memory, _RECORD, count=self.num_entries, offset=_COUNTS.itemsize
        )

    def close(self) -> None:
        """Let go of the file, in the process that made it; the memory goes with the last one."""
        see_cache.cache_clear()
        os.close(self.file.descriptor)

    @property
    def num_entries(self) -> int:
        """How many entries have a place."""
        return int(self._counts["entries"][0])

    @property
    def max_bytes(self) -> int:
        """How much it may hold."""
        return len(self._memory) - _get_start(self.num_entries)

    @property
    def state(self) -> CacheState:
        """How full it is."""
        counts = self._counts[0]
        return CacheState(int(counts["kept"]), int(counts["bytes"]), int(counts["refused"]))

    def find(self, number: int, path: str) -> CachedReader | None:
        """The frames of an entry, unless they are not there or its file is another one now."""
        record = self._records[number]
        if record["state"] != _KEPT:
            return None
        if read_file_state(path) != (record["file_size"], record["mtime_ns"]):
            return None
        shape, offset = tuple(int(record[name]) for name in _SHAPE), int(record["offset"])
        frames = np.ndarray(shape, np.uint8, buffer=self._memory, offset=offset)
        seconds = None
        if record["has_seconds"]:
            offset += _align(frames.nbytes)
            seconds = np.ndarray(shape[:1], np.float64, buffer=self._memory, offset=offset)
        return CachedReader(path, frames, seconds)

    def claim(self, number: int) -> bool:
        """Whether an entry shall come in, read by this process: each is tried once."""
        if self._records[number]["state"] != _NEW or self.state.refused_bytes:
            return False
        with self._lock():
            is_new = bool(self._records[number]["state"] == _NEW)
            if is_new:
                self._write_record(number, state=_TRIED)
        return is_new

    def add(self, number: int, frames: Frames, seconds: Seconds | None, file: FileState) -> None:
        """Take in an entry that was claimed; nothing more if all of them would not fit.

        Args:
            number: Of the entry.
            frames: All there are.
            seconds: When each is shown, where the video has a clock.
            file: What ``read_file_state`` said before the entry was read.

        Raises:
            OSError: There is no memory.
        """
        parts = [frames] if seconds is None else [frames, seconds]
        offset = self._allocate([part.nbytes for part in parts])
        if offset is None:
            return
        fields = {
            **dict(zip(_SHAPE, frames.shape, strict=True)),
            "offset": offset,
            "has_seconds": seconds is not None,
            "file_size": file[0],
            "mtime_ns": file[1],
        }
        for part in parts:
            self._write(np.ascontiguousarray(part), offset)
            offset += _align(part.nbytes)
        self._write_record(number, **fields, state=_TRIED)
        self._write_record(number, **fields, state=_KEPT)  # seen by others when all else is there

    def _allocate(self, sizes: Sequence[int]) -> int | None:
        """Room for arrays behind each other, as long as there is enough for every entry."""
        with self._lock():
            counts = self._counts.copy()
            offset = int(counts["used"][0])
            counts["kept"] += 1
            counts["bytes"] += sum(sizes)
            counts["used"] += sum(map(_align, sizes))
            kept, num_bytes, used = counts[["kept", "bytes", "used"]][0].tolist()
            is_measured = kept >= min(MIN_MEASURED, self.num_entries)
            all_bytes = round(num_bytes / kept * self.num_entries)
            if (
                self.state.refused_bytes
                or used > len(self._memory)
                or (is_measured and all_bytes > self.max_bytes)
                or (used // _CHECK_BYTES > offset // _CHECK_BYTES and self._is_short(sum(sizes)))
            ):
                counts, offset = self._counts.copy(), -1
                counts["refused"] = max(all_bytes, int(counts["refused"][0]))
            self._write(counts, 0)
        return None if offset < 0 else offset

    def _is_short(self, num_bytes: int) -> bool:
        """Whether too little memory would be left for others, who may have taken more since."""
        return find_free_bytes() - num_bytes < self.max_bytes // _FREE_SHARE

    def _write_record(self, number: int, **fields: int) -> None:
        record = np.zeros(1, _RECORD)
        for name, value in fields.items():
            record[name] = value
        self._write(record, _COUNTS.itemsize + number * _RECORD.itemsize)

    def _write(self, array: np.ndarray, offset: int) -> None:
        content = array.reshape(-1).view(np.uint8).data
        while content:
            written = os.pwrite(self.file.descriptor, content, offset)
            content, offset = content[written:], offset + written

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Keep other processes out; a killed one lets go."""
        fcntl.lockf(self.file.descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self.file.descriptor, fcntl.LOCK_UN)


def create_cache(num_entries: int, max_bytes: int) -> FrameCache:
    """Make an empty cache, which takes no memory yet."""
    file = CacheFile(open_anonymous_file(), next(_serials))
    start = _get_start(num_entries)
    os.ftruncate(file.descriptor, start + max_bytes)
    counts = np.zeros(1, _COUNTS)
    counts["entries"], counts["used"] = num_entries, start
    os.pwrite(file.descriptor, counts.tobytes(), 0)
    return FrameCache(file)


@lru_cache(maxsize=1)
def see_cache(file: CacheFile) -> FrameCache:
    """The cache of a file that this process has open."""
    return FrameCache(file)


def read_file_state(path: str) -> FileState | None:
    """What a file that changes shows another one of; None where there is none."""
    try:
        stat = os.stat(path)
    except (OSError, ValueError):
        return None
    return stat.st_size, stat.st_mtime_ns


def _get_start(num_entries: int) -> int:
    """Where frames begin."""
    return _align(_COUNTS.itemsize + num_entries * _RECORD.itemsize)


def _align(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
