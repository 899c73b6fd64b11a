"""Which part of the frames a view shows; boxes only, nothing is cut.

A box is (top, left, height, width) in pixels.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64

Box = tuple[int, int, int, int]

SCALES = (1.0, 0.875, 0.75, 0.66)
"""Sides of a crop as shares of the largest crop's sides."""
SNAP_PIXELS = 3
"""A side of a crop that is nearer than this to the wanted size becomes the wanted size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CropConfig:
    """How views are cut out of frames."""

    kind: Literal["multi-scale", "centre"] = "multi-scale"
    """Crops of 10 size pairs at 13 places (the released code), or the largest in the middle."""
    flip: bool = False
    """Mirror half of the views; never where left and right mean something."""


def multi_scale_sizes(height: int, width: int, size: tuple[int, int]) -> list[tuple[int, int]]:
    """The pairs (height, width) that a crop may have: shares of the largest, one step apart.

    The largest has the wanted shape; for a square that is the short side of the frame.

    Args:
        height: Height of the frames in pixels.
        width: Width of the frames in pixels.
        size: Height and width that the crop is resized to.

    Source: GroupMultiScaleCrop in dataset/transforms.py of the released code; 10 pairs.
    """
    tall, wide = _largest(height, width, size)
    rows = [_snap(int(tall * scale), size[0]) for scale in SCALES]
    cols = [_snap(int(wide * scale), size[1]) for scale in SCALES]
    return [
        (row, col) for i, row in enumerate(rows) for j, col in enumerate(cols) if abs(i - j) <= 1
    ]


def offsets(height: int, width: int, crop: tuple[int, int]) -> list[tuple[int, int]]:
    """The 13 places (top, left) of a crop: corners, centre, edge centres, quarter points.

    Source: the same, with its ``more_fix_crop``.
    """
    row, col = (height - crop[0]) // 4, (width - crop[1]) // 4
    places = [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)]
    places += [(2, 0), (2, 4), (4, 2), (0, 2)]
    places += [(1, 1), (1, 3), (3, 1), (3, 3)]
    return [(top * row, left * col) for top, left in places]


def multi_scale_box(
    height: int, width: int, size: tuple[int, int], uniform: Float64[np.ndarray, "2"]
) -> Box:
    """One of the 10 sizes at one of the 13 places, by two draws in [0, 1)."""
    sizes = multi_scale_sizes(height, width, size)
    crop = sizes[int(uniform[0] * len(sizes))]
    crop = (min(crop[0], height), min(crop[1], width))
    places = offsets(height, width, crop)
    return (*places[int(uniform[1] * len(places))], *crop)


def centre_box(height: int, width: int, size: tuple[int, int]) -> Box:
    """The largest box of the wanted shape, in the middle."""
    crop = _largest(height, width, size)
    return ((height - crop[0]) // 2, (width - crop[1]) // 2, *crop)


def _largest(height: int, width: int, size: tuple[int, int]) -> tuple[int, int]:
    """The largest crop of the wanted shape, in whole pixels."""
    if height * size[1] <= width * size[0]:
        return height, max(1, height * size[1] // size[0])
    return max(1, width * size[0] // size[1]), width


def _snap(side: int, wanted: int) -> int:
    return wanted if abs(side - wanted) < SNAP_PIXELS else max(1, side)
