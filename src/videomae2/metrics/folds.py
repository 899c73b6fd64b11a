"""Split labelled videos so that every part has its share of each class.

NumPy only, and scikit-learn where groups must not be parted. Axis: videos.
"""

import warnings
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int, Int64

from videomae2.tensors import rng

_STREAM = 0x1F00


def assign_folds(
    labels: Int[np.ndarray, " videos"],
    num_folds: int,
    *,
    seed: int = 0,
    groups: Sequence[str] | None = None,
) -> Int64[np.ndarray, " videos"]:
    """Number the part of each video, 0 … count - 1; parts of a class differ by one video at most.

    The videos of a group stand in one part, where groups are given; then the classes are spread as
    evenly as the groups allow.

    Raises:
        ValueError: Fewer than 2 parts, or fewer videos or groups than parts.
    """
    num_units = len(labels) if groups is None else len(set(groups))
    if not 2 <= num_folds <= num_units:
        units = "videos" if groups is None else "groups"
        raise ValueError(f"{num_units} {units} cannot be split into {num_folds} parts")
    if groups is None:
        return _rank_within_classes(labels, seed) % num_folds
    return _assign_group_folds(labels, num_folds, seed, groups)


def _assign_group_folds(
    labels: Int[np.ndarray, " videos"], num_folds: int, seed: int, groups: Sequence[str]
) -> Int64[np.ndarray, " videos"]:
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(num_folds, shuffle=True, random_state=seed % 2**32)
    fold = np.empty(len(labels), dtype=np.int64)
    numbers = np.unique(np.array(groups, dtype=object), return_inverse=True)[1]
    # it refuses to stratify by classes that are all smaller than the number of folds
    targets = labels if np.bincount(labels).max() >= num_folds else np.zeros_like(labels)
    with warnings.catch_warnings():
        # of rare classes it counts the videos; their groups are what matters, and they are counted
        # where the lists are read
        warnings.simplefilter("ignore", UserWarning)
        for number, (_, rows) in enumerate(splitter.split(numbers, targets, numbers)):
            fold[rows] = number
    return fold


def count_class_groups(labels: Int[np.ndarray, " videos"], groups: Sequence[str]) -> dict[int, int]:
    """In how many groups each class has videos."""
    groups_of: dict[int, set[str]] = defaultdict(set)
    for label, group in zip(labels.tolist(), groups, strict=True):
        groups_of[label].add(group)
    return {label: len(names) for label, names in sorted(groups_of.items())}


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
