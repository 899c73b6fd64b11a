"""Which files a list names, in brief: enough to tell them from others of the same names elsewhere.

Two questions, two answers. Is a file still what it was when something was computed from it: its
size and time (``file_stat``). Does a list name the files it named: the size of every file, and the
content of a sample (``Fingerprint``); neither where they lie nor their times count, so a data set
can be moved. Axis: files.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Int64

from videomae2.data.manifests.manifest import Manifest
from videomae2.tensors import rng

T = TypeVar("T")
_THREADS = 16  # a network file system answers many at once


def map_files(paths: Sequence[str], function: Callable[[str], T]) -> list[T]:
    """Apply a function to many files, in threads of which each takes every 16th."""
    with ThreadPoolExecutor(_THREADS) as pool:
        parts = list(
            pool.map(
                lambda first: [function(path) for path in paths[first::_THREADS]], range(_THREADS)
            )
        )
    return [parts[row % _THREADS][row // _THREADS] for row in range(len(paths))]


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


SAMPLE_SIZE = 256
"""Files of which content is looked at; of a smaller list all of them."""

_STREAM = 0x2F00
_END_BYTES = 1 << 16  # bytes that are read of each end of a file
_ABSENT, _FOLDER = -1, -2  # in place of a size
_UNKNOWN = "-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """What can be said of the files of a list without reading them all."""

    sizes: str
    """A digest of the sizes of all files; folders of frames have none."""
    num_absent: int
    """How many are not there."""
    sample: str
    """Eight characters for the content of each file of a sample, "-" where it is not there."""
    absent_files: str
    """A digest of which are not there."""


def compute_fingerprint(manifest: Manifest, *, changed_files: Collection[str] = ()) -> Fingerprint:
    """Look at the files of a list: one ``stat`` each, and at most 128 KiB of 256 of them.

    ``changed_files`` are expected to be others than they were, and so tell nothing.
    """
    paths = list(dict.fromkeys(os.path.join(manifest.root, path) for path in manifest.paths))
    sample_rows = rng.permutation(rng.make_key(_STREAM, len(paths)), len(paths))[
        :SAMPLE_SIZE
    ].tolist()
    sizes = np.array(map_files(paths, _read_size), dtype=np.int64)
    sample_paths = [paths[row] for row in sample_rows]
    content_of = dict(
        zip(sample_paths, map_files(sample_paths, _compute_content_digest), strict=True)
    )
    for row, path in enumerate(paths if changed_files else ()):
        if path in changed_files:
            sizes[row], content_of[path] = _ABSENT, _UNKNOWN
    return Fingerprint(
        sizes=_compute_digest(sizes),
        num_absent=int((sizes == _ABSENT).sum()),
        sample=" ".join(content_of[path] for path in sample_paths),
        absent_files=_compute_digest(np.flatnonzero(sizes == _ABSENT)),
    )


def describe_difference(previous: Fingerprint, current: Fingerprint) -> str | None:
    """Say in what the files of a list are others than they were; None if they are not.

    What is not there, now or then, tells nothing: unreadable videos have rules of their own.
    """
    pairs = zip(previous.sample.split(), current.sample.split(), strict=False)
    is_same = [
        previous_digest == current_digest
        for previous_digest, current_digest in pairs
        if _UNKNOWN not in (previous_digest, current_digest)
    ]
    if not all(is_same):
        return f"{is_same.count(False)} of {len(is_same)} that were looked at differ"
    are_comparable = previous.absent_files == current.absent_files
    return "some have another size" if are_comparable and previous.sizes != current.sizes else None


def _compute_digest(numbers: Int64[np.ndarray, " some"]) -> str:
    return hashlib.sha256(numbers.astype("<i8").tobytes()).hexdigest()[:16]


def _read_size(path: str) -> int:
    try:
        path_stat = os.stat(path)
    except (OSError, ValueError):
        return _ABSENT
    return _FOLDER if stat.S_ISDIR(path_stat.st_mode) else path_stat.st_size


def _compute_content_digest(path: str) -> str:
    """Both ends of a file; of a folder the names in it, and the ends of the first and the last."""
    content = hashlib.sha256()
    try:
        files = [path]
        if os.path.isdir(path):
            names = sorted(os.listdir(path))
            content.update("\0".join(names).encode("utf-8", "surrogatepass"))
            files = [os.path.join(path, name) for name in (*names[:1], *names[-1:])]
        for file in files:
            content.update(_read_ends(file))
    except (OSError, ValueError):
        return _UNKNOWN
    return content.hexdigest()[:8]


def _read_ends(path: str) -> bytes:
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError("opening a pipe or a device could take for ever")
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        first = file.read(_END_BYTES)
        file.seek(max(len(first), size - _END_BYTES))
        return size.to_bytes(8, "little") + first + file.read(_END_BYTES)
