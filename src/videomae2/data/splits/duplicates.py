"""Videos that stand on both sides of a split under other names: the same bytes, or nearly the same.

Nearly the same is: encoded anew, at another size, in other shades, or cut a little. A few frames at
relative times are shrunk to 16 x 16 grey and compared, also a few frames apart. No torch here.

Axes: videos; frames of a signature; values = pixels of a frame.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float32, UInt8

from videomae2.base.progress import track
from videomae2.base.text import format_count
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.fingerprint import map_files
from videomae2.data.manifests.manifest import Entry, Manifest
from videomae2.data.views.read import READ_VIEWS
from videomae2.data.views.requests import ViewSpec, ViewsRequest

DuplicateSearch = Literal["bytes", "near", "off"]

FRAMES, SIDE = 16, 16
"""Of a signature."""
_MAX_SHIFT = 2  # frames of a signature by which the cut of a copy may be displaced
_MIN_LIKENESS = 0.965  # 600 x 2,400 mouths of other speakers: none above 0.94
_MIN_DEVIATION = 2.0  # of the grey values of a frame, below which it shows nothing to go by
_BLOCK_BYTES, _END_BYTES = 2**20, 2**16
_MAX_SHOWN = 5


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Two files on both sides of a split that show the same."""

    first: str
    second: str
    likeness: float
    """1 for the same bytes; else the correlation of their small pictures."""

    @property
    def is_equal(self) -> bool:
        """Whether they are the same bytes."""
        return self.likeness == 1


Side = Sequence[tuple[Entry, str | None]]
"""The videos of one side of a split, and how the images of each are called, if it is a folder."""


def list_side(manifests: Sequence[Manifest], rows: Sequence[np.ndarray] | None = None) -> Side:
    """The videos of some lists, or of those of their rows."""
    parts = manifests if rows is None else map(Manifest.take, manifests, rows)
    return [(entry, manifest.frame_name) for manifest in parts for entry in manifest]


def describe_duplicates(
    first: Side,
    second: Side,
    search: DuplicateSearch,
    reading: ReadingConfig,
    *,
    num_workers: int,
    channels: int = 3,
) -> str | None:
    """Look for videos that are on both sides, and name some; None where there are none.

    ``near`` finds those of equal bytes too, as nearly equal ones.
    """
    if search == "off":
        return None
    pairs = find_equal_files(*([entry for entry, _ in side] for side in (first, second)))
    if search == "near":
        equal = {(pair.first, pair.second) for pair in pairs}
        near = find_near_pairs(first, second, reading, num_workers=num_workers, channels=channels)
        pairs += [
            pair
            for pair in near
            if (os.path.realpath(pair.first), os.path.realpath(pair.second)) not in equal
        ]
    if not pairs:
        return None
    kinds = [
        f"{count} {kind}"
        for kind, count in (
            ("the same bytes", sum(pair.is_equal for pair in pairs)),
            ("nearly the same pictures", sum(not pair.is_equal for pair in pairs)),
        )
        if count
    ]
    shown = "; ".join(
        f"{pair.first} and {pair.second}"
        + ("" if pair.is_equal else f" ({pair.likeness:.2f} alike)")
        for pair in pairs[:_MAX_SHOWN]
    )
    more = "; …" if len(pairs) > _MAX_SHOWN else ""
    return (
        f"{format_count(len(pairs), 'pair')} of videos on both sides ({', '.join(kinds)}), whose "
        f"answers are known: {shown}{more}"
    )


def find_equal_files(first: Iterable[Entry], second: Iterable[Entry]) -> list[DuplicatePair]:
    """Find the files of one side that are byte for byte also on the other, under another name.

    Of files of equal size the ends are read, and of those with equal ends all. A file that cannot
    be read is like no other.
    """
    sides = [sorted({os.path.realpath(entry.path) for entry in side}) for side in (first, second)]
    sizes = [dict(zip(side, map_files(side, _get_size), strict=True)) for side in sides]
    common = (set(sizes[0].values()) & set(sizes[1].values())) - {None, 0}
    paths = sorted({path for side in sizes for path, size in side.items() if size in common})
    ends = dict(zip(paths, map_files(paths, _read_ends), strict=True))
    shared = set.intersection(*({ends.get(path) for path in side} for side in sides)) - {None}
    paths = [path for path in paths if ends[path] in shared]
    digest_of = dict(zip(paths, map_files(paths, _compute_digest), strict=True))
    by_digest: dict[str, list[str]] = defaultdict(list)
    for path in sides[0]:
        if digest := digest_of.get(path):
            by_digest[digest].append(path)
    return [
        DuplicatePair(known, path, 1.0)
        for path in sides[1]
        for known in by_digest.get(digest_of.get(path) or "", ())
        if known != path
    ]


def _get_size(path: str) -> int | None:
    try:
        return os.path.getsize(path) if os.path.isfile(path) else None
    except (OSError, ValueError):
        return None


def _read_ends(path: str) -> tuple[int, bytes] | None:
    """The size of a file, and a digest of its first and last part."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            hasher = hashlib.sha256(file.read(_END_BYTES))
            file.seek(max(0, size - _END_BYTES))
            hasher.update(file.read(_END_BYTES))
    except (OSError, ValueError):
        return None
    return size, hasher.digest()


def _compute_digest(path: str) -> str | None:
    hasher = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(_BLOCK_BYTES):
                hasher.update(block)
    except (OSError, ValueError):
        return None
    return hasher.hexdigest()


def compute_signature(
    frames: UInt8[np.ndarray, "frames height width channels"],
) -> Float32[np.ndarray, "frames values"]:
    """Shrink the frames of a clip, uint8 [frames, height, width, channels], to what is compared.

    Each is brought to mean 0 and length 1, so that neither brightness nor contrast counts; one that
    shows nothing is 0.
    """
    from PIL import Image

    small = np.stack(
        [
            np.asarray(
                Image.fromarray(frame.mean(axis=2, dtype=np.float32)).resize(
                    (SIDE, SIDE), Image.Resampling.BOX
                ),
                dtype=np.float32,
            ).ravel()
            for frame in frames
        ]
    )
    small -= small.mean(axis=1, keepdims=True)
    length = np.linalg.norm(small, axis=1, keepdims=True)
    return np.where(length > _MIN_DEVIATION * SIDE, small / np.maximum(length, 1e-6), 0)


def find_near_pairs(
    first: Side, second: Side, reading: ReadingConfig, *, num_workers: int, channels: int = 3
) -> list[DuplicatePair]:
    """Find the videos of one side that show nearly the same as one of the other.

    A few frames of every video are read, with so many channels; one that cannot be read is like no
    other. Another moment of the same place before the same camera counts as nearly the same.
    """
    entries = [*first, *second]
    signatures = np.zeros((len(entries), FRAMES, SIDE * SIDE), dtype=np.float32)
    views = ViewSpec(
        frame_sampling="tsn",
        clips=1,
        crops=1,
        frames=FRAMES,
        channels=channels,
        frame_interval=1.0,
        interval_unit="frames",
        limits=reading.limits(),
    )
    with (
        reading.pool(READ_VIEWS, num_workers=num_workers) as pool,
        track("near-equal videos", total=len(entries)) as progress,
    ):
        requests = (
            ViewsRequest(entry, replace(views, frame_name=frame_name))
            for entry, frame_name in entries
        )
        results = pool.map(requests)
        for signature, result in zip(signatures, results, strict=True):
            if result.arrays is not None:
                frames, (index,) = result.arrays["frames"], result.arrays["frame_index"]
                signature[:] = compute_signature(frames[index])
            progress.advance()
    likeness = compute_likeness(signatures[: len(first)], signatures[len(first) :])
    return [
        DuplicatePair(first[row][0].path, second[column][0].path, float(likeness[row, column]))
        for column, row in np.argwhere(likeness.T >= _MIN_LIKENESS)
        if os.path.realpath(first[row][0].path) != os.path.realpath(second[column][0].path)
    ]


def compute_likeness(
    first: Float32[np.ndarray, "first frames values"],
    second: Float32[np.ndarray, "second frames values"],
) -> Float32[np.ndarray, "first second"]:
    """Correlate signatures frame by frame, at the displacement at which they fit best."""
    best = np.full((len(first), len(second)), -1.0, dtype=np.float32)
    for shift in range(-_MAX_SHIFT, _MAX_SHIFT + 1):
        count = FRAMES - abs(shift)
        x = first[:, max(0, shift) :][:, :count].reshape(len(first), -1)
        y = second[:, max(0, -shift) :][:, :count].reshape(len(second), -1)
        np.maximum(best, x @ y.T / count, out=best)
    return best
