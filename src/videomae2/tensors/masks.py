"""Which cubes are hidden from the encoder, and which the decoder leaves out.

Pure functions over a batch, on the device of their randomness. A boolean is named after what
True means: ``hidden`` (from the encoder), ``dropped`` (by the decoder). Every clip of a batch has
exactly the same count, known beforehand from the ``count_*`` functions.

Training asks the decoder for a part of the cubes. To see the rest as well, it is asked again under
further masks, each time for as many cubes and in the same pattern as it was trained to answer.

A grid is cubes along (time, row, col); rng is a generator, or a key per clip. Ratios are in (0, 1);
numbers of cubes are rounded down.

Axes: batch, tokens = time*row*col of the grid, cells = row*col, units = what a mask chooses among.
"""

import math
from typing import Literal

import torch
from einops import repeat
from jaxtyping import Bool
from torch import Tensor

from videomae2.tensors.grid import Grid
from videomae2.tensors.rng_torch import Rng, draw_scores, fold_in

EncoderMask = Literal["tube", "random", "frame"]
DecoderMask = Literal["none", "running-cell", "random", "frame"]

_ENCODER_STREAM, _DECODER_STREAM = 1, 2  # the two masks of a clip are drawn independently


def hide(
    kind: EncoderMask, grid: Grid, ratio: float, *, batch: int, rng: Rng
) -> Bool[Tensor, "batch tokens"]:
    """Hide a share of the cubes from the encoder, of each clip others.

    ``tube`` hides the same cells at every time, ``random`` any cubes, ``frame`` whole time slots.

    Raises:
        ValueError: If the ratio hides nothing or everything.

    Source: arXiv 2303.16727 section 3.2; TubeMaskingGenerator of the released code.
    """
    units, cubes_each = _mask_units(kind, grid)
    count = count_hidden(kind, grid, ratio) // cubes_each
    selected = _select_units(batch, units, count, rng, _ENCODER_STREAM)
    return _expand_units(kind, grid, selected)


def drop(
    kind: DecoderMask, grid: Grid, ratio: float, *, batch: int, rng: Rng
) -> Bool[Tensor, "batch tokens"]:
    """Choose the share of the cubes that the decoder leaves out, of each clip others.

    ``running-cell`` runs a pattern of 2x2 cells through time and leaves out quarters, ``random``
    leaves out any cubes, ``frame`` whole time slots.

    Raises:
        ValueError: If the ratio drops nothing or everything, or the grid has odd sides.

    Source: arXiv 2303.16727 section 3.2; RunningCellMaskingGenerator of the released code.
    """
    count = count_dropped(kind, grid, ratio)
    if kind == "running-cell":
        maps = build_running_cell_maps(grid, ratio, rng.device)
        order = draw_scores(batch, len(maps), _fold_in_stream(rng, _DECODER_STREAM))
        return maps[order.argmax(dim=1)]
    units, cubes_each = _mask_units(kind, grid)
    selected = _select_units(batch, units, count // cubes_each, rng, _DECODER_STREAM)
    return _expand_units(kind, grid, selected)


def count_hidden(kind: EncoderMask, grid: Grid, ratio: float) -> int:
    """How many cubes of a clip are hidden from the encoder.

    Raises:
        ValueError: If that is none or all; the message names ratios that would work.
    """
    units, cubes_each = _mask_units(kind, grid)
    return _count_units(f"{kind} masking", units, ratio) * cubes_each


def count_dropped(kind: DecoderMask, grid: Grid, ratio: float) -> int:
    """How many cubes of a clip the decoder leaves out.

    Raises:
        ValueError: If that is none or all, or running cells do not tile the grid.
    """
    if kind == "none":
        raise ValueError("decoder masking 'none' leaves nothing out; it has no count")
    if kind != "running-cell":
        units, cubes_each = _mask_units(kind, grid)
        return _count_units(f"{kind} masking of the decoder", units, ratio) * cubes_each
    time, row, col = grid
    if row % 2 or col % 2:
        raise ValueError(
            f"running cells are 2x2 and do not tile {row}x{col} cubes; use a clip with "
            f"{row + row % 2}x{col + col % 2}, or decoder masking 'random'"
        )
    return _count_units("running-cell masking", 4, ratio) * (time * row * col // 4)


def count_loss_tokens(
    encoder: EncoderMask, hidden_ratio: float, decoder: DecoderMask, ratio: float, grid: Grid
) -> int | None:
    """How many cubes are both hidden and decoded, or None where that differs from clip to clip.

    Hidden tubes meet every running cell equally often if time is a multiple of 4 slots, and
    every left-out frame always; hidden frames meet all of a slot. Any other pair is a matter of
    chance.
    """
    num_hidden = count_hidden(encoder, grid, hidden_ratio)
    if decoder == "none":
        return num_hidden
    tokens = math.prod(grid)
    num_decoded = tokens - count_dropped(decoder, grid, ratio)
    regular = (encoder == "tube" and decoder == "running-cell" and grid[0] % 4 == 0) or (
        (encoder, decoder) in (("tube", "frame"), ("frame", "running-cell"))
    )
    return num_hidden * num_decoded // tokens if regular else None


def build_running_cell_maps(
    grid: Grid, ratio: float, device: torch.device | str = "cpu"
) -> Bool[Tensor, "maps tokens"]:
    """The four maps of cubes that running cells drop; one is drawn for each clip.

    A ring of four (drops first) is read at a pointer that moves on by one before each time slot;
    read in raster order it fills a 2x2 cell, which tiles the frame. Map p starts at pointer p.

    They are computed where they are needed: a copy from the host would wait for the device.
    """
    time, row, col = grid
    num_dropped = count_dropped("running-cell", grid, ratio) * 4 // math.prod(grid)
    corner = torch.arange(4, device=device)
    pointer = corner[:, None] + 1 + torch.arange(time, device=device)
    cell = (pointer[:, :, None] + corner) % 4 < num_dropped  # the ring: drops first, then kept
    return repeat(
        cell, "m t (r c) -> m (t row r col c)", r=2, c=2, row=row // 2, col=col // 2
    ).contiguous()


def _mask_units(kind: str, grid: Grid) -> tuple[int, int]:
    """What a mask chooses among, and how many cubes each choice covers."""
    time, row, col = grid
    if kind == "tube":
        return row * col, time
    if kind == "frame":
        return time, row * col
    if kind == "random":
        return time * row * col, 1
    raise ValueError(f"there is no masking '{kind}'")


def _count_units(what: str, units: int, ratio: float) -> int:
    if units < 2:
        raise ValueError(f"{what} needs 2 or more to choose from and has {units} on this grid")
    count = math.floor(units * ratio)
    if not 0 < count < units:
        min_ratio = math.ceil(1e4 / units) / 1e4  # rounded up, so that it works
        raise ValueError(
            f"{what} at ratio {ratio} picks {count} of {units}; "
            f"ratios from {min_ratio:g} to below 1 would work"
        )
    return count


def _select_units(
    batch: int, units: int, count: int, rng: Rng, stream: int
) -> Bool[Tensor, "batch units"]:
    order = draw_scores(batch, units, _fold_in_stream(rng, stream)).argsort(dim=1)
    selected = torch.zeros_like(order, dtype=torch.bool)
    return selected.scatter_(1, order[:, :count], True)


def _expand_units(kind: str, grid: Grid, selected: Tensor) -> Bool[Tensor, "batch tokens"]:
    """From choices to cubes."""
    time, row, col = grid
    if kind == "tube":
        return repeat(selected, "b cells -> b (t cells)", t=time)
    if kind == "frame":
        return repeat(selected, "b t -> b (t cells)", cells=row * col)
    return selected


def _fold_in_stream(rng: Rng, stream: int) -> Rng:
    return fold_in(rng, stream) if isinstance(rng, Tensor) else rng


def build_further_masks(
    kind: DecoderMask, dropped: Bool[Tensor, "batch tokens"], grid: Grid, ratio: float
) -> list[Bool[Tensor, "batch tokens"]]:
    """Give masks that keep, together, every cube that ``dropped`` leaves out.

    They are of the same kind and count. Of running cells they are those of the other maps that are
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


def _partition_units(
    units: Bool[Tensor, "batch units"], num_dropped: int
) -> list[Bool[Tensor, "batch units"]]:
    """Deal the dropped units out to as many masks as are needed; kept ones fill the last."""
    kept = units.shape[1] - num_dropped
    num_masks = math.ceil(num_dropped / kept)
    order = units.byte().argsort(dim=1, descending=True, stable=True)  # dropped, then kept
    all_dropped = torch.ones_like(units)
    return [
        all_dropped.scatter(1, order[:, first : first + num_masks * kept : num_masks], False)
        for first in range(num_masks)
    ]
