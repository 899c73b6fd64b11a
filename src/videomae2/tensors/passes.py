"""Several looks at a clip that together ask the decoder for every cube.

Training asks for a part of the cubes. To see the rest as well, the decoder is asked again, each
time for as many cubes and in the same pattern as it was trained to answer.

Axes: batch, tokens = time*row*col of the grid, units = what a mask chooses among.
"""

import math

import torch
from einops import repeat
from jaxtyping import Bool
from torch import Tensor

from videomae2.tensors.grid import Grid
from videomae2.tensors.masks import DecoderMask, dropped_count, running_cell_maps


def further_drops(
    kind: DecoderMask, dropped: Bool[Tensor, "batch tokens"], shape: Grid, ratio: float
) -> list[Bool[Tensor, "batch tokens"]]:
    """Give masks that keep, together, every cube that ``dropped`` leaves out.

    Args:
        kind: The masking that ``dropped`` was drawn with.
        dropped: True = left out by the decoder in the first pass.
        shape: Cubes along (time, row, col).
        ratio: Share left out.

    Returns:
        Masks of the same kind and count. Running cells: the other maps of the four that are
        needed; with half of the cubes left out that is one, the opposite map.
    """
    if kind == "running-cell":
        return _running_cells(dropped, shape, ratio)
    cells = shape[1] * shape[2] if kind == "frame" else 1
    units = dropped[:, ::cells]
    further = _windows(units, dropped_count(kind, shape, ratio) // cells)
    return [repeat(chosen, "b units -> b (units cells)", cells=cells) for chosen in further]


def _running_cells(
    dropped: Bool[Tensor, "batch tokens"], shape: Grid, ratio: float
) -> list[Bool[Tensor, "batch tokens"]]:
    """Maps that start some steps later; a map keeps that many corners of each cell, one by one."""
    maps = running_cell_maps(shape, ratio, dropped.device)
    kept = 4 - dropped_count("running-cell", shape, ratio) * 4 // math.prod(shape)
    drawn = (maps[None] == dropped[:, None]).all(dim=2).byte().argmax(dim=1)
    return [maps[(drawn + later) % 4] for later in range(kept, 4, kept)]


def _windows(units: Bool[Tensor, "batch units"], drops: int) -> list[Bool[Tensor, "batch units"]]:
    """Deal the dropped units out to as many masks as are needed; kept ones fill the last."""
    kept = units.shape[1] - drops
    number = math.ceil(drops / kept)
    order = units.byte().argsort(dim=1, descending=True, stable=True)  # dropped, then kept
    everything = torch.ones_like(units)
    return [
        everything.scatter(1, order[:, first : first + number * kept : number], False)
        for first in range(number)
    ]
