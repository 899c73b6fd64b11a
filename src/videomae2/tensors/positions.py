"""Fixed position tables: the sinusoid over the flattened token number, and its resampling.

Axes: tokens, dim; time, row, col = the grid.
"""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float32
from torch import Tensor

from videomae2.tensors.grid import Grid


def sinusoid(tokens: int, dim: int) -> Float32[Tensor, "tokens dim"]:
    """The table of the released models: one sinusoid over the flattened token number.

    Even channels are sines, odd ones cosines, of number / 10000^(2*floor(channel/2)/dim);
    computed in float64.

    Source: models/modeling_finetune.py of the released code.
    """
    channel = torch.arange(dim, dtype=torch.float64)
    rate = 10000.0 ** (-2.0 * (channel // 2) / dim)
    angle = torch.arange(tokens, dtype=torch.float64)[:, None] * rate
    return torch.where(channel.long() % 2 == 0, angle.sin(), angle.cos()).float()


def table(grid: Grid, dim: int, *, trained: Grid | None = None) -> Float32[Tensor, "tokens dim"]:
    """The position table of a grid.

    Args:
        grid: Cubes along (time, row, col).
        dim: Width of a token.
        trained: The grid the weights were trained on. If it is given and differs, its table is
            resampled to ``grid``; if not, a fresh sinusoid of the new length is made, as the
            released code ends up doing (every place then gets another angle than in training).
    """
    if trained is None or trained == grid:
        return sinusoid(math.prod(grid), dim)
    return resample(sinusoid(math.prod(trained), dim), trained, grid)


def resample(
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
