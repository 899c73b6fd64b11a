"""Bring small tensors from the host to a device without a wait."""

import torch
from torch import Tensor


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """The same on ``device``: the host goes on while it is copied.

    A plain ``.to(device)`` lets the host wait until the device has done all that was asked before.
    """
    if device.type == "cuda" and x.device.type == "cpu":
        x = x.pin_memory()
    return x.to(device, non_blocking=True)
