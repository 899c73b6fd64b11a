"""Coarser grids of tokens: which there is room for, and the average over neighbours.

Axes: clips; tokens, kept; dim; grid = cubes along time, row, col.
"""

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from videomae2.tensors.grid import Grid


def pool_tokens(
    tokens: Float[Tensor, "clips tokens dim"], grid: Grid, stored_grid: Grid
) -> Float[Tensor, "clips kept dim"]:
    """Average neighbouring tokens to a coarser grid."""
    if grid == stored_grid:
        return tokens
    time, row, col = grid
    x = rearrange(tokens, "b (t h w) d -> b d t h w", t=time, h=row, w=col)
    window = [side // kept for side, kept in zip(grid, stored_grid, strict=True)]
    return rearrange(F.avg_pool3d(x, window), "b d t h w -> b (t h w) d")


def pool_grid(grid: Grid, max_tokens: int) -> Grid:
    """Coarsen a grid by its smallest divisors, space before time, until it has few enough tokens.

    Raises:
        ValueError: Even one token is too much.
    """
    if max_tokens < 1:
        raise ValueError(f"at most {max_tokens} tokens, wanted 1 or more")
    time, row, col = grid
    while time * row * col > max_tokens:
        if row * col > max(1, time):
            row, col = row // _smallest_divisor(row), col // _smallest_divisor(col)
        else:
            time //= _smallest_divisor(time)
    return time, row, col


def _smallest_divisor(number: int) -> int:
    """The smallest one above 1; 1 for 1."""
    return next((d for d in range(2, number + 1) if number % d == 0), 1)
