"""A batch of clips on the device, as tasks receive it: brought there, and changed in part.

Axes: batch, frames, height, width, channels; outputs = classes, labels or numbers to predict.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

Targets = Int64[Tensor, " batch"] | Float32[Tensor, "batch outputs"]
"""What supervised training asks for: the number of one class per clip, or for each output a share
of a class (soft targets), 0 or 1 (labels of which any number holds), or a number."""


@dataclass(frozen=True, slots=True)
class Clips:
    """Clips, the key of each one's random draws, and how much each counts."""

    pixels: (
        UInt8[Tensor, "batch frames height width channels"]
        | Float32[Tensor, "batch frames height width channels"]
    )
    """RGB (or other channels), 0…255; float32 on the same scale where an augmentation made values
    between or beyond."""
    keys: Int64[Tensor, " batch"]
    """One key per clip for its random draws."""
    weights: Float32[Tensor, " batch"]
    """1, or 0 where the video could not be read and pixels and targets mean nothing."""
    targets: Targets | None = None
    """What the clips show, where the task is told; in a hole any value that is allowed."""


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """The same on ``device``: the host goes on while it is copied.

    A plain ``.to(device)`` lets the host wait until the device has done all that was asked before.
    """
    if device.type == "cuda" and x.device.type == "cpu":
        x = x.pin_memory()
    return x.to(device, non_blocking=True)


def masked_apply(
    x: Tensor, mask: Bool[Tensor, " batch"], fn: Callable[..., Tensor], *tensors: Tensor
) -> Tensor:
    """Give ``x`` with ``fn(x, *tensors)`` in the chosen rows; ``fn`` takes every row on its own.

    A mask on the CPU may choose rows of tensors on a device: then only these are computed. A mask
    on a device is not known to the host, which would have to wait for it: so all rows are computed
    there and the chosen ones kept. Both ways give the same bits.
    """
    if mask.device.type != "cpu":
        return apply_and_mask(x, mask, fn, *tensors)
    rows = mask.nonzero()[:, 0]
    if not len(rows):
        return x
    new_rows = fn(*(each[to_device(rows, each.device)] for each in (x, *tensors)))
    return x.index_copy(0, to_device(rows, x.device), new_rows)


def apply_and_mask(
    x: Tensor, mask: Bool[Tensor, " batch"], fn: Callable[..., Tensor], *tensors: Tensor
) -> Tensor:
    """The same by computing all rows."""
    return torch.where(mask.view(-1, *[1] * (x.ndim - 1)), fn(x, *tensors), x)
