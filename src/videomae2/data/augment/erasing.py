"""Random erasing: boxes of a clip filled with noise, the same boxes in all its frames.

Axes: batch, frames, height, width, channels; boxes, tries.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor

from videomae2.base.ranges import ONE_OR_MORE, SHARE, SHARE_ABOVE_0
from videomae2.tensors.clips import masked_apply, to_device
from videomae2.tensors.rng_torch import fold_in, normal, uniform

MAX_ATTEMPTS = 100
"""A box that does not fit into the frame is drawn again, as often as in the released code."""

_APPLY, _COUNT, _SHAPE, _POSITION, _PIXELS = 21, 22, 23, 24, 25  # streams of a clip's key


@dataclass(frozen=True, kw_only=True, slots=True)
class EraseConfig:
    """Which clips lose boxes, and how large these are."""

    prob: Annotated[float, SHARE] = 0.25
    """Share of clips that boxes are erased from."""
    max_count: Annotated[int, ONE_OR_MORE] = 1
    """Most boxes of a clip; from 1 up, all counts are alike."""
    scale: Annotated[tuple[float, float], SHARE_ABOVE_0] = (0.02, 1 / 3)
    """Least and largest area of all its boxes together, as shares of the frame."""
    ratio: Annotated[float, SHARE_ABOVE_0] = 0.3
    """Least ratio of the sides of a box; the largest is its inverse."""


def erase(
    clips: Float32[Tensor, "batch frames height width channels"],
    keys: Int64[Tensor, " batch"],
    config: EraseConfig,
    *,
    mean: Float[Tensor, " channels"],
    std: Float[Tensor, " channels"],
) -> Float32[Tensor, "batch frames height width channels"]:
    """Fill boxes with normal noise, fresh in every frame; ``mean`` and ``std`` on the clips' scale.

    Keys on the CPU save the work for clips that stay as they are.

    Source: dataset/random_erasing.py of the released code, mode pixel. With more than one box it
        spares the first frames of a clip, which looks like an oversight and is not done here.
    """
    selected = uniform(fold_in(keys, _APPLY), 1)[:, 0] < config.prob
    box_mask = draw_box_masks(keys, config, clips.shape[2], clips.shape[3])
    return masked_apply(
        clips,
        selected,
        partial(_fill_boxes, mean=mean, std=std),
        to_device(box_mask, clips.device),
        to_device(keys, clips.device),
    )


def draw_box_masks(
    keys: Int64[Tensor, " batch"], config: EraseConfig, height: int, width: int
) -> Bool[Tensor, "batch height width"]:
    """Draw the boxes of each clip as if it were to lose some; True where a pixel is in one."""
    batch, max_count = len(keys), config.max_count
    count = 1 + (uniform(fold_in(keys, _COUNT), 1).double() * max_count).long()
    shape = uniform(fold_in(keys, _SHAPE), max_count * MAX_ATTEMPTS * 2).double()
    box_height, box_width = _select_sides(
        shape.view(batch, max_count, MAX_ATTEMPTS, 2), config, count, height, width
    )
    position = uniform(fold_in(keys, _POSITION), max_count * 2).double().view(batch, max_count, 2)
    top = (position[..., 0] * (height - box_height + 1)).long()
    left = (position[..., 1] * (width - box_width + 1)).long()
    is_used = (box_height > 0) & (torch.arange(max_count, device=keys.device) < count)
    row, col = (
        _build_interval_mask(top, box_height, height),
        _build_interval_mask(left, box_width, width),
    )
    return (row[..., :, None] & col[..., None, :] & is_used[..., None, None]).any(dim=1)


def _select_sides(
    uniforms: Tensor, config: EraseConfig, count: Tensor, height: int, width: int
) -> tuple[Int64[Tensor, "batch boxes"], Int64[Tensor, "batch boxes"]]:
    """Height and width of each box by the first try that fits; 0 where none does."""
    min_scale, max_scale = config.scale
    area = (
        (min_scale + (max_scale - min_scale) * uniforms[..., 0])
        * (height * width)
        / count[:, :, None]
    )
    ratio = torch.exp((1 - 2 * uniforms[..., 1]) * math.log(config.ratio))
    box_height, box_width = (
        (area * ratio).sqrt().round().long(),
        (area / ratio).sqrt().round().long(),
    )
    fits = (box_height < height) & (box_width < width)
    first = fits.int().argmax(dim=2, keepdim=True)
    fits, box_height, box_width = (
        each.gather(2, first)[..., 0] for each in (fits, box_height, box_width)
    )
    return box_height * fits, box_width * fits


def _build_interval_mask(
    first: Tensor, length: Tensor, size: int
) -> Bool[Tensor, "batch boxes size"]:
    positions = torch.arange(size, device=first.device)
    return (positions >= first[..., None]) & (positions < (first + length)[..., None])


def _fill_boxes(
    clips: Tensor, box_mask: Tensor, keys: Tensor, *, mean: Tensor, std: Tensor
) -> Tensor:
    """Frame by frame, since the words that noise is made of take four times the memory."""
    out = torch.empty_like(clips)
    for frame in range(clips.shape[1]):
        pixels = clips[:, frame]
        noise = normal(fold_in(fold_in(keys, _PIXELS), frame), pixels[0].numel()).view_as(pixels)
        out[:, frame] = torch.where(box_mask[..., None], noise * std + mean, pixels)
    return out
