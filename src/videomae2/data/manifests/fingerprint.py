"""Which files a list names, in brief: enough to tell them from others of the same names elsewhere.

Neither where they lie nor their times count, so a data set can be moved. The size of every file
counts, and of a sample of them also how they begin and end. Files are looked at in threads that
nobody waits for, not even the end of the process: a file of a lost network disk may never answer.
Axis: files.
"""

import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Int64

from videomae2.data.manifests.manifest import Manifest
from videomae2.tensors import rng

T = TypeVar("T")


_THREADS = 16  # a network file system answers many at once


def map_with_timeout(
    paths: Sequence[str], function: Callable[[str], T], *, timeout_seconds: float
) -> list[T | None]:
    """Give what is seen of each file; None where no answer came.

    Args:
        paths: The files.
        function: Looks at one, in another thread; it raises nothing.
        timeout_seconds: How long none of the files may answer before the others are given up.
    """
    results: list[T | None] = [None] * len(paths)
    rows = iter(range(len(paths)))  # shared: a file that hangs keeps one thread, not its neighbours
    answered_at = [time.monotonic()] * min(_THREADS, len(paths))

    def work(number: int) -> None:
        for row in rows:
            results[row] = function(paths[row])
            answered_at[number] = time.monotonic()

    threads = [
        threading.Thread(target=work, args=(number,), name="videomae2-looking", daemon=True)
        for number in range(len(answered_at))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive() and time.monotonic() < (end := max(answered_at) + timeout_seconds):
            thread.join(end - time.monotonic())
    return list(results)


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


SAMPLE_SIZE = 256
"""Files of which content is looked at; of a smaller list all of them."""


FILE_TIMEOUT_SECONDS = 30.0
"""How long none of the files may answer before the others are given up."""


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
    """How many are not there, or did not answer."""
    sample: str
    """Eight characters for the content of each file of a sample, "-" where it is not there."""
    absent_files: str = ""
    """A digest of which are not there; empty in marks of an older version."""
    unresponsive: int = 0
    """How many did not answer, at their size or at their content."""


def compute_fingerprint(manifest: Manifest, *, changed_files: Collection[str] = ()) -> Fingerprint:
    """Look at the files of a list: one ``stat`` each, and at most 128 KiB of 256 of them.

    Args:
        manifest: The list.
        changed_files: Files that are expected to be others than they were, and so tell nothing.
    """
    paths = list(dict.fromkeys(os.path.join(manifest.root, path) for path in manifest.paths))
    sample_rows = rng.permutation(rng.make_key(_STREAM, len(paths)), len(paths))[
        :SAMPLE_SIZE
    ].tolist()
    sizes = map_with_timeout(paths, _read_size, timeout_seconds=FILE_TIMEOUT_SECONDS)
    # who did not even give its size is not asked again
    sample_paths = [paths[row] for row in sample_rows if sizes[row] is not None]
    contents = map_with_timeout(
        sample_paths, _compute_content_digest, timeout_seconds=FILE_TIMEOUT_SECONDS
    )
    unresponsive = sizes.count(None) + contents.count(None)
    content_of = dict(zip(sample_paths, contents, strict=True))
    known_sizes = np.array([_ABSENT if size is None else size for size in sizes], dtype=np.int64)
    for row, path in enumerate(paths if changed_files else ()):
        if path in changed_files:
            known_sizes[row], content_of[path] = _ABSENT, None
    return Fingerprint(
        sizes=_compute_digest(known_sizes),
        num_absent=int((known_sizes == _ABSENT).sum()),
        sample=" ".join(content_of.get(paths[row]) or _UNKNOWN for row in sample_rows),
        absent_files=_compute_digest(np.flatnonzero(known_sizes == _ABSENT)),
        unresponsive=unresponsive,
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
    are_comparable = previous.sizes and current.sizes and _have_same_absent(previous, current)
    return "some have another size" if are_comparable and previous.sizes != current.sizes else None


def _have_same_absent(previous: Fingerprint, current: Fingerprint) -> bool:
    """Whether the same files are not there; of older marks this is known only where all are."""
    if not (previous.absent_files and current.absent_files):
        return previous.num_absent == current.num_absent == 0
    return previous.absent_files == current.absent_files


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
