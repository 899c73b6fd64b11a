"""Which videos of a labelled list are held out for validation, where no list is given for it."""

from collections import defaultdict

import numpy as np
from jaxtyping import Bool

from videomae2.data.manifests.manifest import Manifest
from videomae2.tensors import rng

_STREAM = 61
_MIN_CLASS_VIDEOS = 3  # videos of a class from which on one is held out


def validation_split(
    manifest: Manifest, fraction: float, *, seed: int
) -> Bool[np.ndarray, " entries"]:
    """Choose a share of the videos of every class, at random; without labels they are of one class.

    All windows of a video are on one side. The choice depends on the paths in the list, not on
    where they lie or in which order. A class of one or two videos gives none, else it gives one at
    least and keeps one at least.
    """
    entries_of: dict[str, list[int]] = defaultdict(list)
    for entry, path in enumerate(manifest.paths):
        entries_of[path].append(entry)
    paths_of_class: dict[int, list[str]] = defaultdict(list)
    for path, entries in entries_of.items():
        paths_of_class[int(manifest.labels[entries[0]])].append(path)
    is_validation = np.zeros(len(manifest), dtype=bool)
    for paths in paths_of_class.values():
        for path in sorted(paths, key=lambda path: _draw_sort_key(path, seed))[
            : _count_validation_videos(len(paths), fraction)
        ]:
            is_validation[entries_of[path]] = True
    return is_validation


def _count_validation_videos(num_videos: int, fraction: float) -> int:
    if num_videos < _MIN_CLASS_VIDEOS or fraction == 0:
        return 0
    return min(num_videos - 1, max(1, round(fraction * num_videos)))


def _draw_sort_key(path: str, seed: int) -> tuple[int, str]:
    path_bytes = path.encode("utf-8", "surrogatepass")
    return rng.make_key(seed, _STREAM, *path_bytes), path
