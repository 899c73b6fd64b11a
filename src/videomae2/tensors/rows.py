"""Changing some clips of a batch and leaving the others alone.

Axes: batch first; what follows is the caller's.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool
from torch import Tensor

from videomae2.tensors.moving import to_device


def masked_apply(
    x: Tensor, mask: Bool[Tensor, " batch"], fn: Callable[..., Tensor], *tensors: Tensor
) -> Tensor:
    """Give ``x`` with ``change(x, *others)`` in the chosen rows.

    Where the choice lies in the memory of the host, only the chosen rows are computed. On another
    device the host does not know them, and would have to wait to learn them; so all rows are
    computed there and the chosen ones kept. Both ways give the same bits.

    Args:
        x: What to change; every row on its own.
        mask: Which rows to change; on the CPU it may choose rows of a tensor on a device.
        fn: Gives new rows for rows of ``x`` and of ``tensors``, of the shape and kind of ``x``.
        tensors: More tensors with a row for each of ``x``.
    """
    if mask.device.type == "cpu":
        return _apply_to_rows(x, mask, fn, tensors)
    return _apply_to_all(x, mask, fn, tensors)


def _apply_to_rows(
    x: Tensor, mask: Tensor, fn: Callable[..., Tensor], tensors: tuple[Tensor, ...]
) -> Tensor:
    rows = mask.nonzero()[:, 0]
    if not len(rows):
        return x
    new_rows = fn(*(each[to_device(rows, each.device)] for each in (x, *tensors)))
    return x.index_copy(0, to_device(rows, x.device), new_rows)


def _apply_to_all(
    x: Tensor, mask: Tensor, fn: Callable[..., Tensor], tensors: tuple[Tensor, ...]
) -> Tensor:
    return torch.where(mask.view(-1, *[1] * (x.ndim - 1)), fn(x, *tensors), x)
