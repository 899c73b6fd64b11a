"""Split labelled videos so that every part has its share of each class.

NumPy only. Axis: videos.
"""

import numpy as np
from jaxtyping import Bool, Int, Int64

from videomae2.tensors import draws

_STREAM = 0x1F00


def folds(
    labels: Int[np.ndarray, " videos"], count: int, *, seed: int = 0
) -> Int64[np.ndarray, " videos"]:
    """Number the part of each video, 0 … count - 1; parts of a class differ by one video at most.

    Raises:
        ValueError: Fewer than 2 parts, or fewer videos than parts.
    """
    if not 2 <= count <= len(labels):
        raise ValueError(f"{len(labels)} videos cannot be split into {count} parts")
    return _places(labels, seed) % count


def held_out(
    labels: Int[np.ndarray, " videos"], share: float, *, seed: int = 0
) -> Bool[np.ndarray, " videos"]:
    """Choose a share of the videos, in (0, 1), of each class as evenly as can be."""
    if not 0 < share < 1:
        raise ValueError(f"the share is {share}, wanted between 0 and 1")
    places = _places(labels, seed)
    return np.floor((places + 1) * share + 1e-9) > np.floor(places * share + 1e-9)


def _places(labels: Int[np.ndarray, " videos"], seed: int) -> Int64[np.ndarray, " videos"]:
    """Line the videos up, class after class and drawn within one, and give each its place."""
    drawn = draws.bits(draws.key(seed, _STREAM), len(labels))
    places = np.empty(len(labels), dtype=np.int64)
    places[np.lexsort((drawn, labels))] = np.arange(len(labels))
    return places
