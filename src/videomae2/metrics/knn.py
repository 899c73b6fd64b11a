"""The nearest videos by frozen features, and their votes.

Axes: test, train = videos; dim, classes; k = neighbours, nearest first.
"""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float64, Int, Int64
from torch import Tensor

TEMPERATURE = 0.07
"""Of the weighted vote: Wu et al., instance discrimination, CVPR 2018; DINO has the same."""

_BATCH_SIZE = 256


@torch.no_grad()
def find_nearest(
    test: Float[Tensor, "test dim"], train: Float[Tensor, "train dim"], k: int
) -> tuple[Float64[np.ndarray, "test k"], Int64[np.ndarray, "test k"]]:
    """Find the ``k`` training videos of the highest cosine, and give (cosines, their numbers).

    Of equal cosines the one that comes first in the training set is nearer, on every device.

    Raises:
        ValueError: ``k`` is not between 1 and the number of training videos.
    """
    if not 1 <= k <= len(train):
        raise ValueError(f"k is {k}, wanted 1 to {len(train)}, the number of training videos")
    train_unit = F.normalize(train.float(), dim=1)
    chunks = [_find_nearest_chunk(rows, train_unit, k) for rows in test.float().split(_BATCH_SIZE)]
    cosines = torch.cat([part[0] for part in chunks]).double().cpu().numpy()
    return cosines, torch.cat([part[1] for part in chunks]).cpu().numpy()


def _find_nearest_chunk(test: Tensor, train: Tensor, k: int) -> tuple[Tensor, Tensor]:
    # of integers that all differ: the cosine's bits, then the place from behind; + 0 for -0's bits
    cosines = F.normalize(test, dim=1) @ train.T + 0.0
    bits = cosines.view(torch.int32)
    ordered_bits = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).long()
    tie_break = torch.arange(len(train) - 1, -1, -1, device=train.device)
    index = ((ordered_bits << 32) + tie_break).topk(k, dim=1).indices
    return cosines.gather(1, index), index


def compute_weighted_votes(
    cosines: Float64[np.ndarray, "test k"],
    labels: Int[np.ndarray, "test k"],
    num_classes: int,
    *,
    temperature: float = TEMPERATURE,
) -> Float64[np.ndarray, "test classes"]:
    """Add up exp(cosine / temperature) of the neighbours of each class; the nearest weighs 1."""
    weights = np.exp((cosines - cosines[:, :1]) / temperature)
    return _sum_by_class(weights, labels, num_classes)


def count_votes(
    labels: Int[np.ndarray, "test k"], num_classes: int
) -> Float64[np.ndarray, "test classes"]:
    """Count the neighbours of each class; of equal counts the class of the nearer one is ahead.

    The lead is less than one vote and never the same for two classes that have a vote.
    """
    k = labels.shape[1]
    votes = _sum_by_class(np.ones(labels.shape), labels, num_classes)
    first = np.full(votes.shape, k)
    np.minimum.at(first, (np.arange(len(labels))[:, None], labels), np.arange(k))
    return votes + (k - first) / (k + 1)


def _sum_by_class(
    values: Float64[np.ndarray, "test k"], labels: Int[np.ndarray, "test k"], num_classes: int
) -> Float64[np.ndarray, "test classes"]:
    cells = np.arange(len(labels))[:, None] * num_classes + labels
    total = np.bincount(cells.ravel(), values.ravel(), minlength=len(labels) * num_classes)
    return total.reshape(len(labels), num_classes)
