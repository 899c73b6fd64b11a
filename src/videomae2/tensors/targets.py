"""Labels into the targets of a loss, and weights against imbalance.

Axes: batch, outputs = classes.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Float32
from torch import Tensor

from videomae2.tensors.clips import Targets


def to_soft_targets(targets: Targets, num_classes: int) -> Float32[Tensor, "batch outputs"]:
    """Give each class its share of a clip: all of it to one class, or as soft targets say.

    Raises:
        ValueError: If soft targets are over another number of classes.
        RuntimeError: If a number is none of a class; on a GPU only when that is next waited for.
    """
    if targets.ndim == 1:
        zeros = torch.zeros(len(targets), num_classes, device=targets.device)
        return zeros.scatter(1, targets[:, None], 1.0)  # F.one_hot looks at every number first
    if targets.shape[1] != num_classes:
        raise ValueError(f"targets are over {targets.shape[1]} classes, the head has {num_classes}")
    return targets


def smooth_labels(
    targets: Float[Tensor, "batch outputs"], smoothing: float
) -> Float[Tensor, "batch outputs"]:
    """Give a part of every target to all classes alike.

    Linear, so that it may come before or after mixup, with the same result.

    Source: LabelSmoothingCrossEntropy and Mixup of timm, which the released code trains with.
    """
    return targets * (1 - smoothing) + smoothing / targets.shape[1]


def compute_class_weights(counts: Sequence[int], power: float) -> Float32[Tensor, " outputs"]:
    """How much a clip of each class counts: more for a rare class; 1 on average over the clips.

    Args:
        counts: Clips of each class in the training data. A class without any gets the weight of
            one with a single clip.
        power: 0 weighs all clips alike, 1 all classes.

    Raises:
        ValueError: If there are no clips.
    """
    count = torch.tensor(counts, dtype=torch.float64)
    if count.sum() == 0:
        raise ValueError("no class has clips to weigh")
    weight = count.clamp(min=1) ** -power
    return (weight * count.sum() / (weight * count).sum()).float()


def compute_pos_weights(
    counts: Sequence[int], num_clips: int, power: float
) -> Float32[Tensor, " outputs"]:
    """How much a label counts where it holds: (clips without / clips with) to a power.

    Args:
        counts: Clips that have each label. A label without any is weighed as if one had it.
        num_clips: All clips.
        power: 0 weighs presence and absence alike, 1 makes them equal over the data.
    """
    count = torch.tensor(counts, dtype=torch.float64).clamp(min=1)
    return (((num_clips - count).clamp(min=1) / count) ** power).float()
