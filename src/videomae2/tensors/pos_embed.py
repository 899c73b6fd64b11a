"""Fixed position tables: sinusoids over the flattened token number or along each axis; resampling.

Axes: tokens, dim; time, row, col = the grid.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float32
from torch import Tensor

from videomae2.tensors.grid import Grid

PosEmbedKind = Literal["flat", "axes"]

_LONGEST_WAVE = 100.0  # of a table by axes, over 2 pi, in cubes: longer than any grid's side

_MAX_NUMBERS = 2**25  # of a table, which takes some 24 bytes for each while it is built


def build_sinusoid(tokens: int, dim: int) -> Float32[Tensor, "tokens dim"]:
    """The table of the released models: one sinusoid over the flattened token number.

    Even channels are sines, odd ones cosines, of number / 10000^(2*floor(channel/2)/dim);
    computed in float64.

    Source: models/modeling_finetune.py of the released code.
    """
    channel = torch.arange(dim, dtype=torch.float64)
    rate = 10000.0 ** (-2.0 * (channel // 2) / dim)
    angle = torch.arange(tokens, dtype=torch.float64)[:, None] * rate
    return torch.where(channel.long() % 2 == 0, angle.sin(), angle.cos()).float()


def build_axial_sinusoid(grid: Grid, dim: int) -> Float32[Tensor, "tokens dim"]:
    """A table that tells time, row and column apart: a third of the channels for each.

    Close places look alike along each axis, which a model of few channels needs: it can hardly
    read rows and columns from the flattened number, and then learns nothing of neighbours for
    thousands of steps (docs/decisions.md). What three pairs of channels do not fill goes to time.

    Raises:
        ValueError: If the channels do not suffice for a sine and a cosine along each axis.
    """
    _check_dim(dim)
    third = dim // 6 * 2
    widths = (dim - 2 * third, third, third)
    parts = [_build_axis(grid, axis, width) for axis, width in enumerate(widths)]
    return torch.cat(parts, dim=-1).reshape(-1, dim).float()


def _check_dim(dim: int) -> None:
    if dim < 6 or dim % 2:
        raise ValueError(f"a position table by axes needs an even dim of 6 or more, got {dim}")


def _build_axis(grid: Grid, axis: int, width: int) -> Tensor:
    """Sines, then cosines of the place along one axis, for all places of the grid."""
    half = width // 2
    rate = _LONGEST_WAVE ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = torch.arange(grid[axis], dtype=torch.float64)[:, None] * rate
    shape = [1, 1, 1, width]
    shape[axis] = grid[axis]
    return torch.cat((angle.sin(), angle.cos()), dim=1).reshape(shape).expand(*grid, width)


def build_pos_embed(
    grid: Grid, dim: int, *, pretrained_grid: Grid | None = None, kind: PosEmbedKind = "flat"
) -> Float32[Tensor, "tokens dim"]:
    """The position table of a grid: resampled from that of another grid, or a fresh one.

    A fresh table of a new grid is what the released code ends up with (in a flat table every place
    then gets another angle).

    Raises:
        ValueError: If the channels do not suffice for that kind, or the table is huge.
    """
    if kind == "axes":
        _check_dim(dim)
    for cubes in (grid, pretrained_grid or grid):
        if math.prod(cubes) * dim > _MAX_NUMBERS:
            raise ValueError(
                f"a position table of {'x'.join(map(str, cubes))} cubes of width {dim} is too large"
            )
    if torch.get_default_device().type == "meta":
        # there `arange` would import PyTorch's compiler, which takes seconds
        return torch.empty(math.prod(grid), dim)
    old_grid = pretrained_grid or grid
    if kind == "flat":
        table = build_sinusoid(math.prod(old_grid), dim)
    else:
        table = build_axial_sinusoid(old_grid, dim)
    return table if old_grid == grid else resample_pos_embed(table, old_grid, grid)


def resample_pos_embed(
    old: Float32[Tensor, "tokens dim"], old_grid: Grid, new_grid: Grid
) -> Float32[Tensor, "new_tokens dim"]:
    """Bring a table to another grid: bicubic in space, then linear in time.

    Space follows the detection code of VideoMAE (bicubic); time has no precedent there that
    works, so it is the plain choice.
    """
    x = rearrange(old, "(t h w) d -> t d h w", t=old_grid[0], h=old_grid[1])
    if new_grid[1:] != old_grid[1:]:
        x = F.interpolate(x, size=new_grid[1:], mode="bicubic", align_corners=False)
    x = rearrange(x, "t d h w -> h (w d) t")
    if new_grid[0] != old_grid[0]:
        x = F.interpolate(x, size=new_grid[0], mode="linear", align_corners=False)
    return rearrange(x, "h (w d) t -> (t h w) d", d=old.shape[1]).contiguous()
