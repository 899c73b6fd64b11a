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
from videomae2.tensors.masks import DecoderMask, count_dropped, build_running_cell_maps


def build_further_masks(
    kind: DecoderMask, dropped: Bool[Tensor, "batch tokens"], grid: Grid, ratio: float
) -> list[Bool[Tensor, "batch tokens"]]:
    """Give masks that keep, together, every cube that ``dropped`` leaves out.

    Args:
        kind: The masking that ``dropped`` was drawn with.
        dropped: True = left out by the decoder in the first pass.
        grid: Cubes along (time, row, col).
        ratio: Share left out.

    Returns:
        Masks of the same kind and count. Running cells: the other maps of the four that are
        needed; with half of the cubes left out that is one, the opposite map.
    """
    if kind == "running-cell":
        return _further_running_cells(dropped, grid, ratio)
    cells = grid[1] * grid[2] if kind == "frame" else 1
    units = dropped[:, ::cells]
    further_units = _partition_units(units, count_dropped(kind, grid, ratio) // cells)
    return [repeat(chosen, "b units -> b (units cells)", cells=cells) for chosen in further_units]


def _further_running_cells(
    dropped: Bool[Tensor, "batch tokens"], grid: Grid, ratio: float
) -> list[Bool[Tensor, "batch tokens"]]:
    """Maps that start some steps later; a map keeps that many corners of each cell, one by one."""
    maps = build_running_cell_maps(grid, ratio, dropped.device)
    kept = 4 - count_dropped("running-cell", grid, ratio) * 4 // math.prod(grid)
    first_map = (maps[None] == dropped[:, None]).all(dim=2).byte().argmax(dim=1)
    return [maps[(first_map + offset) % 4] for offset in range(kept, 4, kept)]


def _partition_units(units: Bool[Tensor, "batch units"], num_dropped: int) -> list[Bool[Tensor, "batch units"]]:
    """Deal the dropped units out to as many masks as are needed; kept ones fill the last."""
    kept = units.shape[1] - num_dropped
    num_masks = math.ceil(num_dropped / kept)
    order = units.byte().argsort(dim=1, descending=True, stable=True)  # dropped, then kept
    all_dropped = torch.ones_like(units)
    return [
        all_dropped.scatter(1, order[:, first : first + num_masks * kept : num_masks], False)
        for first in range(num_masks)
    ]
