"""Which files a list names, in brief: enough to tell them from others of the same names elsewhere.

Neither where they lie nor their times count, so a data set can be moved. The size of every file
counts, and of a sample of them also how they begin and end. Axis: files.
"""

import hashlib
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from videomae2.data.looking import look_at
from videomae2.data.manifest import Manifest
from videomae2.tensors import draws

SAMPLE = 256
"""Files of which content is looked at; of a smaller list all of them."""
PATIENCE_SECONDS = 30.0
"""How long none of the files may answer before the others are given up."""

_STREAM = 0x2F00
_END = 1 << 16  # bytes that are read of each end of a file
_ABSENT, _FOLDER = -1, -2  # in place of a size
_UNKNOWN = "-"


@dataclass(frozen=True, kw_only=True, slots=True)
class FileMarks:
    """What can be said of the files of a list without reading them all."""

    sizes: str
    """A digest of the sizes of all files; folders of frames have none."""
    absent: int
    """How many are not there, or did not answer."""
    sample: str
    """Eight characters for the content of each file of a sample, "-" where it is not there."""
    which_absent: str = ""
    """A digest of which are not there; empty in marks of an older version."""
    late: int = 0
    """How many did not answer, at their size or at their content."""


def marks_of(manifest: Manifest, *, repaired: Collection[str] = ()) -> FileMarks:
    """Look at the files of a list: one ``stat`` each, and at most 128 KiB of 256 of them.

    Args:
        manifest: The list.
        repaired: Files that are expected to be others than they were, and so tell nothing.
    """
    paths = list(dict.fromkeys(os.path.join(manifest.root, path) for path in manifest.paths))
    chosen = draws.permutation(draws.key(_STREAM, len(paths)), len(paths))[:SAMPLE].tolist()
    sizes = look_at(paths, _size, patience_seconds=PATIENCE_SECONDS)
    # who did not even give its size is not asked again
    asked = [paths[row] for row in chosen if sizes[row] is not None]
    contents = look_at(asked, _content, patience_seconds=PATIENCE_SECONDS)
    late = sizes.count(None) + contents.count(None)
    content_of = dict(zip(asked, contents, strict=True))
    known = np.array([_ABSENT if size is None else size for size in sizes], dtype=np.int64)
    for row, path in enumerate(paths if repaired else ()):
        if path in repaired:
            known[row], content_of[path] = _ABSENT, None
    return FileMarks(
        sizes=_digest(known),
        absent=int((known == _ABSENT).sum()),
        sample=" ".join(content_of.get(paths[row]) or _UNKNOWN for row in chosen),
        which_absent=_digest(np.flatnonzero(known == _ABSENT)),
        late=late,
    )


def difference(old: FileMarks, new: FileMarks) -> str | None:
    """Say in what the files of a list are others than they were; None if they are not.

    What is not there, now or then, tells nothing: unreadable videos have rules of their own.
    """
    pairs = zip(old.sample.split(), new.sample.split(), strict=False)
    same = [one == other for one, other in pairs if _UNKNOWN not in (one, other)]
    if not all(same):
        return f"{same.count(False)} of {len(same)} that were looked at differ"
    compared = old.sizes and new.sizes and _lack_the_same(old, new)
    return "some have another size" if compared and old.sizes != new.sizes else None


def _lack_the_same(old: FileMarks, new: FileMarks) -> bool:
    """Whether the same files are not there; of older marks this is known only where all are."""
    if not (old.which_absent and new.which_absent):
        return old.absent == new.absent == 0
    return old.which_absent == new.which_absent


def _digest(numbers: Int64[np.ndarray, " some"]) -> str:
    return hashlib.sha256(numbers.astype("<i8").tobytes()).hexdigest()[:16]


def _size(path: str) -> int:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return _ABSENT
    return _FOLDER if stat.S_ISDIR(found.st_mode) else found.st_size


def _content(path: str) -> str:
    """Both ends of a file; of a folder the names in it, and the ends of the first and the last."""
    content = hashlib.sha256()
    try:
        files = [path]
        if os.path.isdir(path):
            names = sorted(os.listdir(path))
            content.update("\0".join(names).encode("utf-8", "surrogatepass"))
            files = [os.path.join(path, name) for name in (*names[:1], *names[-1:])]
        for file in files:
            content.update(_ends(file))
    except (OSError, ValueError):
        return _UNKNOWN
    return content.hexdigest()[:8]


def _ends(path: str) -> bytes:
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError("opening a pipe or a device could take for ever")
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        first = file.read(_END)
        file.seek(max(len(first), size - _END))
        return size.to_bytes(8, "little") + first + file.read(_END)
