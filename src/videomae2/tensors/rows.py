"""Changing some clips of a batch and leaving the others alone.

Axes: batch first; what follows is the caller's.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool
from torch import Tensor

from videomae2.tensors.moving import moved


def on_rows(
    x: Tensor, chosen: Bool[Tensor, " batch"], change: Callable[..., Tensor], *others: Tensor
) -> Tensor:
    """Give ``x`` with ``change(x, *others)`` in the chosen rows.

    Where the choice lies in the memory of the host, only the chosen rows are computed. On another
    device the host does not know them, and would have to wait to learn them; so all rows are
    computed there and the chosen ones kept. Both ways give the same bits.

    Args:
        x: What to change; every row on its own.
        chosen: Which rows to change; on the CPU it may choose rows of a tensor on a device.
        change: Gives new rows for rows of ``x`` and of ``others``, of the shape and kind of ``x``.
        others: More tensors with a row for each of ``x``.
    """
    if chosen.device.type == "cpu":
        return _listed(x, chosen, change, others)
    return _masked(x, chosen, change, others)


def _listed(
    x: Tensor, chosen: Tensor, change: Callable[..., Tensor], others: tuple[Tensor, ...]
) -> Tensor:
    rows = chosen.nonzero()[:, 0]
    if not len(rows):
        return x
    part = change(*(each[moved(rows, each.device)] for each in (x, *others)))
    return x.index_copy(0, moved(rows, x.device), part)


def _masked(
    x: Tensor, chosen: Tensor, change: Callable[..., Tensor], others: tuple[Tensor, ...]
) -> Tensor:
    return torch.where(chosen.view(-1, *[1] * (x.ndim - 1)), change(x, *others), x)
