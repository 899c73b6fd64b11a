"""Which videos of a labelled list are held out for validation, where no list is given for it."""

from collections import defaultdict

import numpy as np
from jaxtyping import Bool

from videomae2.data.manifest import Manifest
from videomae2.tensors import draws

_STREAM = 61
_LEAST = 3  # videos of a class from which on one is held out


def held_out(manifest: Manifest, share: float, *, seed: int) -> Bool[np.ndarray, " entries"]:
    """Choose a share of the videos of every class, at random.

    All windows of a video are on one side. The choice depends on the paths in the list, not on
    where they lie or in which order. A class of one or two videos gives none, else it gives one at
    least and keeps one at least.

    Args:
        manifest: With labels, or without: then all videos are of one class.
        share: Of the videos of each class.
        seed: Draws them.
    """
    windows: dict[str, list[int]] = defaultdict(list)
    for entry, path in enumerate(manifest.paths):
        windows[path].append(entry)
    classes: dict[int, list[str]] = defaultdict(list)
    for path, entries in windows.items():
        classes[int(manifest.labels[entries[0]])].append(path)
    chosen = np.zeros(len(manifest), dtype=bool)
    for paths in classes.values():
        for path in sorted(paths, key=lambda path: _draw(path, seed))[: _count(len(paths), share)]:
            chosen[windows[path]] = True
    return chosen


def _count(videos: int, share: float) -> int:
    if videos < _LEAST or share == 0:
        return 0
    return min(videos - 1, max(1, round(share * videos)))


def _draw(path: str, seed: int) -> tuple[int, str]:
    letters = path.encode("utf-8", "surrogatepass")
    return draws.key(seed, _STREAM, *letters), path
