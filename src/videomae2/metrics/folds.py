"""Split labelled videos so that every part has its share of each class.

NumPy only. Axis: videos.
"""

import numpy as np
from jaxtyping import Bool, Int, Int64

from videomae2.tensors import rng

_STREAM = 0x1F00


def assign_folds(
    labels: Int[np.ndarray, " videos"], num_folds: int, *, seed: int = 0
) -> Int64[np.ndarray, " videos"]:
    """Number the part of each video, 0 … count - 1; parts of a class differ by one video at most.

    Raises:
        ValueError: Fewer than 2 parts, or fewer videos than parts.
    """
    if not 2 <= num_folds <= len(labels):
        raise ValueError(f"{len(labels)} videos cannot be split into {num_folds} parts")
    return _rank_within_classes(labels, seed) % num_folds


def validation_split(
    labels: Int[np.ndarray, " videos"], val_fraction: float, *, seed: int = 0
) -> Bool[np.ndarray, " videos"]:
    """Choose a share of the videos, in (0, 1), of each class as evenly as can be."""
    if not 0 < val_fraction < 1:
        raise ValueError(f"the share is {val_fraction}, wanted between 0 and 1")
    ranks = _rank_within_classes(labels, seed)
    return np.floor((ranks + 1) * val_fraction + 1e-9) > np.floor(ranks * val_fraction + 1e-9)


def _rank_within_classes(
    labels: Int[np.ndarray, " videos"], seed: int
) -> Int64[np.ndarray, " videos"]:
    """Line the videos up, class after class and drawn within one, and give each its place."""
    noise = rng.bits(rng.make_key(seed, _STREAM), len(labels))
    ranks = np.empty(len(labels), dtype=np.int64)
    ranks[np.lexsort((noise, labels))] = np.arange(len(labels))
    return ranks
