"""Labels into the targets of a loss, the losses of each clip, and weights against imbalance.

Axes: batch, outputs = classes, labels or numbers.
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32
from torch import Tensor

from videomae2.tensors.clips import Targets

RegressionDistance = Literal["squared", "absolute"]


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


def soft_cross_entropy(
    scores: Float[Tensor, "batch outputs"], targets: Float[Tensor, "batch outputs"]
) -> Float[Tensor, " batch"]:
    """Cross-entropy of each clip with shares of classes.

    Source: SoftTargetCrossEntropy of timm, which the released code trains with.
    """
    return -(targets * F.log_softmax(scores, dim=1)).sum(dim=1)


def binary_cross_entropy(
    scores: Float[Tensor, "batch outputs"],
    targets: Float[Tensor, "batch outputs"],
    weights: Float[Tensor, " outputs"] | None = None,
) -> Float[Tensor, " batch"]:
    """Cross-entropy of each clip with labels of which any number holds, on average over them."""
    return F.binary_cross_entropy_with_logits(
        scores, targets, pos_weight=weights, reduction="none"
    ).mean(dim=1)


def regression_errors(
    scores: Float[Tensor, "batch outputs"],
    targets: Float[Tensor, "batch outputs"],
    kind: RegressionDistance,
    *,
    scale: Float[Tensor, " _"] | float = 1.0,
) -> Float[Tensor, " batch"]:
    """How far the numbers of each clip are off, counted in a unit each, on average over them."""
    errors = (scores - targets) / scale
    return (errors.square() if kind == "squared" else errors.abs()).mean(dim=1)


def weighted_mean(
    values: Float[Tensor, " batch"], weights: Float[Tensor, " batch"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The weighted mean, 0 where nothing counts, and the sum of the weights."""
    count = weights.sum()
    return (values * weights).sum() / torch.where(count > 0, count, 1), count


def compute_class_weights(counts: Sequence[int], power: float) -> Float32[Tensor, " outputs"]:
    """How much a clip of each class counts: more for a rare class; 1 on average over the clips.

    Power 0 weighs all clips alike, 1 all classes. A class without clips weighs as if it had one.

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

    Power 0 weighs presence and absence alike, 1 makes them equal over the data. A label that no
    clip has is weighed as if one had it.
    """
    count = torch.tensor(counts, dtype=torch.float64).clamp(min=1)
    return (((num_clips - count).clamp(min=1) / count) ** power).float()
