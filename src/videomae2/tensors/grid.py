"""Clips as a grid of cubes: sizes, gathering cubes out of uint8 frames, and putting them back.

A cube is a patch over space and time, one token. Its values stand in the order (frame, row,
column, channel), channel fastest, for the encoder's input and for the target alike.

Axes: batch, frames, height, width, channels; time, row, col = cubes along each; tokens =
time*row*col; picked = some of the tokens; values = tubelet*patch*patch*channels; kept = tokens of a
coarser grid.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int64, Shaped
from torch import Tensor

Grid = tuple[int, int, int]  # cubes along (time, row, col)


@dataclass(frozen=True, slots=True)
class Cubes:
    """How a clip of one size splits into cubes."""

    frames: int
    height: int
    width: int
    tubelet_size: int
    patch_size: int
    channels: int

    def __post_init__(self) -> None:
        for name, size, unit in (
            ("frames", self.frames, self.tubelet_size),
            ("height", self.height, self.patch_size),
            ("width", self.width, self.patch_size),
        ):
            if unit < 1:
                raise ValueError(f"cubes need a side of 1 or more along {name}, got {unit}")
            if size < unit or size % unit:
                nearest = max(unit, round(size / unit) * unit)
                raise ValueError(
                    f"{name}={size} does not split into cubes of {unit}; {nearest} would work"
                )

    @property
    def grid(self) -> Grid:
        """Cubes along (time, row, col)."""
        return (
            self.frames // self.tubelet_size,
            self.height // self.patch_size,
            self.width // self.patch_size,
        )

    @property
    def axes(self) -> dict[str, int]:
        """Sizes of a clip's axes in einops patterns: t h w cubes of p0 x p1 x p2."""
        time, row, col = self.grid
        side = self.patch_size
        return {"t": time, "h": row, "w": col, "p0": self.tubelet_size, "p1": side, "p2": side}

    @property
    def tokens(self) -> int:
        """Cubes in a clip."""
        time, row, col = self.grid
        return time * row * col

    @property
    def values(self) -> int:
        """Numbers in a cube."""
        return self.tubelet_size * self.patch_size * self.patch_size * self.channels


def gather(
    clips: Shaped[Tensor, "batch frames height width channels"],
    index: Int64[Tensor, "batch picked"],
    cubes: Cubes,
) -> Shaped[Tensor, "batch picked values"]:
    """Pick cubes of each clip by their token number, and nothing else of the clip.

    Raises:
        ValueError: If the clips are of another size than ``cubes`` says.
    """
    _check_clips(clips, cubes)
    _, row, col = cubes.grid
    parts = rearrange(clips, "b (t p0) (h p1) (w p2) c -> b t h w p0 p1 (p2 c)", **cubes.axes)
    clip = torch.arange(len(clips), device=clips.device)[:, None]
    time, cell = index // (row * col), index % (row * col)
    return parts[clip, time, cell // col, cell % col].flatten(2)


def split(
    clips: Shaped[Tensor, "batch frames height width channels"], cubes: Cubes
) -> Shaped[Tensor, "batch tokens values"]:
    """All cubes of each clip, in token order."""
    _check_clips(clips, cubes)
    return rearrange(clips, "b (t p0) (h p1) (w p2) c -> b (t h w) (p0 p1 p2 c)", **cubes.axes)


def join(
    values: Shaped[Tensor, "batch tokens values"], cubes: Cubes
) -> Shaped[Tensor, "batch frames height width channels"]:
    """Put all cubes of each clip back into frames: the inverse of ``split``."""
    return rearrange(values, "b (t h w) (p0 p1 p2 c) -> b (t p0) (h p1) (w p2) c", **cubes.axes)


def take(
    x: Shaped[Tensor, "batch tokens dim"], index: Int64[Tensor, "batch picked"]
) -> Shaped[Tensor, "batch picked dim"]:
    """Pick tokens by number, clip by clip."""
    return x.gather(1, index[:, :, None].expand(-1, -1, x.shape[-1]))


def _check_clips(clips: Tensor, cubes: Cubes) -> None:
    expected = (cubes.frames, cubes.height, cubes.width, cubes.channels)
    if tuple(clips.shape[1:]) != expected:
        raise ValueError(
            f"clips are {tuple(clips.shape[1:])}, want {expected} (frames, height, width, channels)"
        )


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
