"""Affine changes of place: rotations, shears and shifts, one for all frames of a clip.

A matrix (a, b, c, d, e, f) says where an output pixel comes from: its centre (x, y) takes the
input at (a x + b y + c, d x + e y + f), in pixels. Pillow's bicubic filter and rules.
Axes: batch, frames, height, width, channels; taps = the 16 input pixels of an output pixel.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from videomae2.data.augment.pixel_ops import UInt8Clips

Matrix = Float64[Tensor, "batch 6"]
PerClip = Float64[Tensor, " batch"]

ROUNDING_MARGIN = 2.0**-10
"""Pillow cuts results down. What float32 leaves this far below an integer is taken for it."""


def warp_affine(x: UInt8Clips, matrix: Matrix, *, fill: int) -> UInt8Clips:
    """Move pixels, bicubic; what comes from outside the frame becomes ``fill`` (0…255).

    All values of a pixel over frames and channels move alike, so each tap fetches them in one
    piece, and one kernel adds up the 16 taps without storing them.

    Source: ImagingTransform in libImaging/Geometry.c of Pillow; results differ from it by at most
        1, in about one value of a thousand.
    """
    batch, frames, height, width = x.shape[:4]
    source_x, source_y = _compute_sources(matrix, height, width)
    index, weight = _compute_taps(source_x, source_y, height, width)
    clip_offsets = torch.arange(batch, device=x.device, dtype=torch.int32) * (height * width)
    pieces = rearrange(x, "b f h w c -> (b h w) (f c)").float()
    tap_index = (index + clip_offsets[:, None, None, None]).view(-1, 16)
    warped = F.embedding_bag(tap_index, pieces, mode="sum", per_sample_weights=weight.view(-1, 16))
    warped = (warped + ROUNDING_MARGIN).clamp_(0, 255).to(torch.uint8)
    warped = rearrange(warped, "(b h w) (f c) -> b f h w c", b=batch, h=height, f=frames)
    inside = _is_inside(source_x, width) & _is_inside(source_y, height)
    return torch.where(inside[:, None, :, :, None], warped, fill)


def rotate(degrees: PerClip, height: int, width: int) -> Matrix:
    """Turn anticlockwise around the middle of the frame."""
    cos, sin = torch.cos(degrees.deg2rad()), torch.sin(degrees.deg2rad())
    x, y = width / 2, height / 2
    c, f = x - cos * x + sin * y, y - sin * x - cos * y
    return torch.stack((cos, -sin, c, sin, cos, f), dim=1)


def build_matrix(like: Tensor, **entries: Tensor) -> Tensor:
    """Give the matrix that moves nothing, with some of its six numbers given."""
    numbers = {name: torch.full_like(like, name in "ae") for name in "abcdef"} | entries
    return torch.stack(list(numbers.values()), dim=1)


def _compute_sources(
    matrix: Matrix, height: int, width: int
) -> tuple[Float64[Tensor, "batch height width"], Float64[Tensor, "batch height width"]]:
    """Where each output pixel comes from; pixel i of the input covers i to i + 1."""
    x = torch.arange(width, dtype=torch.float64, device=matrix.device) + 0.5
    y = torch.arange(height, dtype=torch.float64, device=matrix.device)[:, None] + 0.5
    a, b, c, d, e, f = (number[:, None, None] for number in matrix.unbind(1))
    return a * x + b * y + c, d * x + e * y + f


def _is_inside(source: Tensor, size: int) -> Bool[Tensor, "batch height width"]:
    return (source >= 0) & (source < size)


def _compute_taps(
    source_x: Tensor, source_y: Tensor, height: int, width: int
) -> tuple[Int[Tensor, "batch height width 16"], Float[Tensor, "batch height width 16"]]:
    """Pixel number and weight of each of the 4 x 4 inputs of an output pixel."""
    col, col_weight = _compute_axis_taps(source_x, width)
    row, row_weight = _compute_axis_taps(source_y, height)
    index = row[..., :, None] * width + col[..., None, :]
    weight = row_weight[..., :, None] * col_weight[..., None, :]
    return index.flatten(3), weight.flatten(3).float()


def _compute_axis_taps(source: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The 4 pixels around a place, those at the edge repeated, and their cubic weights."""
    position = source - 0.5
    base = position.floor()
    offsets = torch.arange(-1, 3, dtype=torch.int32, device=source.device)
    # clamped as floats first: a place far outside would not fit an integer
    index = base.clamp(-2, size + 1).int()[..., None] + offsets
    return index.clamp(0, size - 1), _cubic_weights(position - base)


def _cubic_weights(d: Tensor) -> Tensor:
    """Weights of the pixels at -1, 0, 1, 2 for a place d in [0, 1): the cubic with a = -1."""
    d2, d3 = d * d, d * d * d
    return torch.stack((-d + 2 * d2 - d3, 1 - 2 * d2 + d3, d + d2 - d3, d3 - d2), dim=-1)
