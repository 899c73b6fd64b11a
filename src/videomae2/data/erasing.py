"""Random erasing: boxes of a clip filled with noise, the same boxes in all its frames.

Axes: batch, frames, height, width, channels; boxes, tries.
"""

import math
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor

from videomae2.tensors.distributions import normal
from videomae2.tensors.keyed import split, uniform
from videomae2.tensors.moving import moved
from videomae2.tensors.rows import on_rows

TRIES = 100
"""A box that does not fit into the frame is drawn again, as often as in the released code."""
_WHETHER, _COUNT, _SHAPE, _PLACE, _PIXELS = 21, 22, 23, 24, 25  # streams of a clip's key


@dataclass(frozen=True, kw_only=True, slots=True)
class EraseConfig:
    """Which clips lose boxes, and how large these are."""

    share: float = 0.25
    """Share of clips that boxes are erased from."""
    boxes: int = 1
    """Most boxes of a clip; from 1 up, all counts are alike."""
    area: tuple[float, float] = (0.02, 1 / 3)
    """Least and largest area of all its boxes together, as shares of the frame."""
    aspect: float = 0.3
    """Least ratio of the sides of a box; the largest is its inverse."""


def erase(
    clips: Float32[Tensor, "batch frames height width channels"],
    keys: Int64[Tensor, " batch"],
    config: EraseConfig,
    *,
    mean: Float[Tensor, " channels"],
    std: Float[Tensor, " channels"],
) -> Float32[Tensor, "batch frames height width channels"]:
    """Fill boxes with normal noise, fresh in every frame.

    Args:
        clips: Of any scale.
        keys: One key per clip; on the CPU they save the work for clips that stay as they are.
        config: Which and how large.
        mean: Of the noise in each channel, on the scale of the clips.
        std: Of the noise in each channel.

    Source: dataset/random_erasing.py of the released code, mode pixel. With more than one box it
        spares the first frames of a clip, which looks like an oversight and is not done here.
    """
    chosen = uniform(split(keys, _WHETHER), 1)[:, 0] < config.share
    inside = draw_boxes(keys, config, clips.shape[2], clips.shape[3])
    return on_rows(
        clips,
        chosen,
        partial(_fill, mean=mean, std=std),
        moved(inside, clips.device),
        moved(keys, clips.device),
    )


def draw_boxes(
    keys: Int64[Tensor, " batch"], config: EraseConfig, height: int, width: int
) -> Bool[Tensor, "batch height width"]:
    """Draw the boxes of each clip as if it were to lose some; True where a pixel is in one."""
    batch, boxes = len(keys), config.boxes
    count = 1 + (uniform(split(keys, _COUNT), 1).double() * boxes).long()
    shape = uniform(split(keys, _SHAPE), boxes * TRIES * 2).double()
    tall, wide = _sides(shape.view(batch, boxes, TRIES, 2), config, count, height, width)
    place = uniform(split(keys, _PLACE), boxes * 2).double().view(batch, boxes, 2)
    top = (place[..., 0] * (height - tall + 1)).long()
    left = (place[..., 1] * (width - wide + 1)).long()
    used = (tall > 0) & (torch.arange(boxes, device=keys.device) < count)
    row, col = _covers(top, tall, height), _covers(left, wide, width)
    return (row[..., :, None] & col[..., None, :] & used[..., None, None]).any(dim=1)


def _sides(
    uniforms: Tensor, config: EraseConfig, count: Tensor, height: int, width: int
) -> tuple[Int64[Tensor, "batch boxes"], Int64[Tensor, "batch boxes"]]:
    """Height and width of each box by the first try that fits; 0 where none does."""
    least, most = config.area
    area = (least + (most - least) * uniforms[..., 0]) * (height * width) / count[:, :, None]
    aspect = torch.exp((1 - 2 * uniforms[..., 1]) * math.log(config.aspect))
    tall, wide = (area * aspect).sqrt().round().long(), (area / aspect).sqrt().round().long()
    fits = (tall < height) & (wide < width)
    first = fits.int().argmax(dim=2, keepdim=True)
    fits, tall, wide = (each.gather(2, first)[..., 0] for each in (fits, tall, wide))
    return tall * fits, wide * fits


def _covers(first: Tensor, length: Tensor, size: int) -> Bool[Tensor, "batch boxes size"]:
    places = torch.arange(size, device=first.device)
    return (places >= first[..., None]) & (places < (first + length)[..., None])


def _fill(clips: Tensor, inside: Tensor, keys: Tensor, *, mean: Tensor, std: Tensor) -> Tensor:
    """Frame by frame, since the words that noise is made of take four times the memory."""
    out = torch.empty_like(clips)
    for frame in range(clips.shape[1]):
        pixels = clips[:, frame]
        noise = normal(split(split(keys, _PIXELS), frame), pixels[0].numel()).view_as(pixels)
        out[:, frame] = torch.where(inside[..., None], noise * std + mean, pixels)
    return out
