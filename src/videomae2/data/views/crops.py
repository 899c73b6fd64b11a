"""Which part of the frames a view shows; boxes only, nothing is cut.

A box is (top, left, height, width) in pixels.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float64

from videomae2.base.ranges import POSITIVE, SHARE_ABOVE_0
from videomae2.data.views.sampling import check_positive, spread_evenly

Box = tuple[int, int, int, int]

SCALES = (1.0, 0.875, 0.75, 0.66)
"""Sides of a crop as shares of the largest crop's sides."""

MAX_ATTEMPTS = 10
"""A random-resized crop that does not fit into the frame is drawn again, this often in all."""

SNAP_PIXELS = 3
"""A side of a crop that is nearer than this to the wanted size becomes the wanted size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CropConfig:
    """How views are cut out of frames."""

    kind: Literal["multi-scale", "random-resized", "center"] = "multi-scale"
    """Crops of 10 size pairs at 13 places (released pre-training), of any area and place
    (released fine-tuning), or the largest in the middle."""
    flip: bool = False
    """Mirror half of the views; never where left and right mean something."""
    scale: Annotated[tuple[float, float], SHARE_ABOVE_0] = (0.08, 1.0)
    """Least and largest share of the frame, for random-resized."""
    ratio: Annotated[tuple[float, float], POSITIVE] = (3 / 4, 4 / 3)
    """Least and largest ratio of width to height before resizing, for random-resized; of clips
    that are not square, in proportion to theirs."""


def build_crop_box(
    height: int,
    width: int,
    size: tuple[int, int],
    uniform: Float64[np.ndarray, " draws"],
    config: CropConfig,
) -> Box:
    """The box of a view, of the kind that is wanted, by 3 + 4 x ``MAX_ATTEMPTS`` draws in [0, 1).

    The third of them is left for mirroring.
    """
    if config.kind == "center":
        return center_box(height, width, size)
    if config.kind == "random-resized":
        return random_resized_box(height, width, size, uniform[3:], config)
    return multi_scale_box(height, width, size, uniform[:2])


def list_multi_scale_sizes(height: int, width: int, size: tuple[int, int]) -> list[tuple[int, int]]:
    """The pairs (height, width) that a crop may have: shares of the largest, one step apart.

    The largest has the wanted shape; for a square that is the short side of the frame.

    Source: GroupMultiScaleCrop in dataset/transforms.py of the released code; 10 pairs.
    """
    max_height, max_width = _compute_largest_crop(height, width, size)
    heights = [_snap_side(int(max_height * scale), size[0]) for scale in SCALES]
    widths = [_snap_side(int(max_width * scale), size[1]) for scale in SCALES]
    return [
        (row, col)
        for i, row in enumerate(heights)
        for j, col in enumerate(widths)
        if abs(i - j) <= 1
    ]


def list_crop_offsets(height: int, width: int, crop: tuple[int, int]) -> list[tuple[int, int]]:
    """The 13 places (top, left) of a crop: corners, centre, edge centres, quarter points.

    Source: the same, with its ``more_fix_crop``.
    """
    row_step, col_step = (height - crop[0]) // 4, (width - crop[1]) // 4
    positions = [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)]
    positions += [(2, 0), (2, 4), (4, 2), (0, 2)]
    positions += [(1, 1), (1, 3), (3, 1), (3, 3)]
    return [(top * row_step, left * col_step) for top, left in positions]


def multi_scale_box(
    height: int, width: int, size: tuple[int, int], uniform: Float64[np.ndarray, "2"]
) -> Box:
    """One of the 10 sizes at one of the 13 places, by two draws in [0, 1)."""
    sizes = list_multi_scale_sizes(height, width, size)
    crop = sizes[int(uniform[0] * len(sizes))]
    crop = (min(crop[0], height), min(crop[1], width))
    offsets = list_crop_offsets(height, width, crop)
    return (*offsets[int(uniform[1] * len(offsets))], *crop)


def center_box(height: int, width: int, size: tuple[int, int]) -> Box:
    """The largest box of the wanted shape, in the middle."""
    crop = _compute_largest_crop(height, width, size)
    return ((height - crop[0]) // 2, (width - crop[1]) // 2, *crop)


def random_resized_box(
    height: int,
    width: int,
    size: tuple[int, int],
    uniform: Float64[np.ndarray, " draws"],
    config: CropConfig,
) -> Box:
    """A box of any area, shape and place within limits; the largest in the middle if none fits.

    By 4 x ``MAX_ATTEMPTS`` draws in [0, 1): area, shape, row and column of each try.

    Source: random_resized_crop in dataset/video_transforms.py of the released code, which is
        torchvision's.
    """
    min_ratio, max_ratio = (ratio * size[1] / size[0] for ratio in config.ratio)
    min_scale, max_scale = config.scale
    for area, shape, row, col in uniform.reshape(MAX_ATTEMPTS, 4).tolist():
        pixels = (min_scale + (max_scale - min_scale) * area) * height * width
        ratio = min_ratio * math.exp(shape * math.log(max_ratio / min_ratio))
        crop = round(math.sqrt(pixels / ratio)), round(math.sqrt(pixels * ratio))
        if 0 < crop[0] <= height and 0 < crop[1] <= width:
            return (int(row * (height - crop[0] + 1)), int(col * (width - crop[1] + 1)), *crop)
    return _center_fallback_box(height, width, min_ratio, max_ratio)


def _center_fallback_box(height: int, width: int, min_ratio: float, max_ratio: float) -> Box:
    """The largest box in the middle whose ratio of width to height lies within limits."""
    crop = height, width
    if width / height < min_ratio:
        crop = max(1, min(height, round(width / min_ratio))), width
    elif width / height > max_ratio:
        crop = height, max(1, min(width, round(height * max_ratio)))
    return ((height - crop[0]) // 2, (width - crop[1]) // 2, *crop)


def _compute_largest_crop(height: int, width: int, size: tuple[int, int]) -> tuple[int, int]:
    """The largest crop of the wanted shape, in whole pixels."""
    if height * size[1] <= width * size[0]:
        return height, max(1, height * size[1] // size[0])
    return max(1, width * size[0] // size[1]), width


def _snap_side(side: int, target: int) -> int:
    return target if abs(side - target) < SNAP_PIXELS else max(1, side)


def compute_cover_size(height: int, width: int, size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a frame resized so that it just covers ``size``.

    For a square that puts the short side at its side and keeps the aspect ratio, rounded down.

    Source: resize_clip in dataset/functional.py of the released code.
    """
    if size[0] * width <= size[1] * height:
        return max(size[0], int(size[1] * height / width)), size[1]
    return size[0], max(size[1], int(size[0] * width / height))


def list_crop_boxes(height: int, width: int, size: tuple[int, int], *, crops: int) -> list[Box]:
    """Boxes of one size from one end of the frame to the other, along the side that is longer.

    Exact to the released code on frames of `compute_cover_size`, in their pixels. One box is the
    middle, where the released code divides by 0.

    Raises:
        ValueError: The box is larger than the frame.
    """
    check_positive(crops=crops)
    spare = (height - size[0], width - size[1])
    if min(spare) < 0:
        raise ValueError(f"a box of {size[0]}x{size[1]} does not fit a {height}x{width} frame")
    tops, lefts = (spread_evenly(side, crops).tolist() for side in spare)
    return [(top, left, *size) for top, left in zip(tops, lefts, strict=True)]
