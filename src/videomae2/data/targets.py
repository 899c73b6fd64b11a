"""Labels as targets: a share for each class.

Axes: batch, classes.
"""

import torch
from jaxtyping import Float32, Int64
from torch import Tensor


def class_shares(
    labels: Int64[Tensor, " batch"], num_classes: int, *, smoothing: float = 0.0
) -> Float32[Tensor, "batch classes"]:
    """Give the share 1 to the class of each clip, less what smoothing spreads over all classes.

    Args:
        labels: Numbers of classes, 0 … num_classes - 1.
        num_classes: How many classes.
        smoothing: Share that all classes get in equal parts, the right one too.

    Source: mixup_target of dataset/mixup.py of the released code.
    """
    classes = torch.arange(num_classes, device=labels.device)
    right = (labels[:, None] == classes).float()
    return right * (1 - smoothing) + smoothing / num_classes
