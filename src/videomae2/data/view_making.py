"""All views of a video made on the device, from frames that were read once.

Axes: union = the different frames of all clips; frames of a clip; height, width, channels; views =
clips x crops, all crops of the first clip first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Int64, UInt8
from torch import Tensor

from videomae2.data.crops import Box
from videomae2.data.view_grid import (
    DifferentViews,
    covering_size,
    crop_boxes,
    different_views,
    views,
)
from videomae2.data.views import Size, resize

Shrinking = Literal["antialiased", "plain"]
"""How frames are resized: with antialiasing, as training does here, or bilinear between the four
nearest pixels even where they shrink, as the released code does."""

_AT_ONCE = 32  # frames resized together: bounds the memory of floats on the device


@dataclass(frozen=True, slots=True, eq=False)
class CoveredVideo:
    """The frames of a video at the size that crops are cut from, on the device."""

    frames: UInt8[Tensor, "union height width channels"]
    place: Int64[Tensor, "clips frames"]
    boxes: list[Box]
    """Of the crops."""

    @property
    def views(self) -> int:
        """How many views it has."""
        return len(self.place) * len(self.boxes)

    def view(self, number: int) -> UInt8[Tensor, "frames crop_height crop_width channels"]:
        """Cut one view out, into memory of its own."""
        clip, crop = views(len(self.place), len(self.boxes))[number]
        top, left, height, width = self.boxes[crop]
        part = self.frames[:, top : top + height, left : left + width]
        return part[self.place[clip]]

    def different(self) -> DifferentViews:
        """Which of its views differ; waits for the device."""
        return different_views(self.place.cpu().numpy(), self.boxes)


def cover(
    frames: UInt8[np.ndarray, "union height width channels"],
    place: Int64[np.ndarray, "clips frames"],
    size: Size,
    *,
    crops: int,
    shrinking: Shrinking,
    device: torch.device,
) -> CoveredVideo:
    """Bring frames to the device and resize them until they just cover the model's input.

    The result shares no memory with ``frames``.

    Args:
        frames: Each frame that some view needs, once.
        place: Where the frames of each clip are among them.
        size: Height and width of a view in pixels.
        crops: Crops per clip, along the longer side.
        shrinking: How frames are resized.
        device: Where to.
    """
    height, width = covering_size(frames.shape[1], frames.shape[2], size)
    shape = (len(frames), height, width, frames.shape[3])
    covered = torch.empty(shape, dtype=torch.uint8, device=device)
    for first in range(0, len(frames), _AT_ONCE):
        part = torch.from_numpy(frames[first : first + _AT_ONCE]).to(device)
        covered[first : first + _AT_ONCE] = _resized(part, (height, width), shrinking)
    boxes = crop_boxes(height, width, size, crops=crops)
    return CoveredVideo(covered, torch.from_numpy(place.copy()).to(device), boxes)


def batches_of_views(
    videos: list[CoveredVideo | None], views_each: int, *, batch: int
) -> Iterator[UInt8[Tensor, "batch frames height width channels"]]:
    """Yield the views of some videos, ``batch`` at a time, in order.

    A video that could not be read leaves black views, so that what stands beside them is computed
    the same way, to the bit, as if it had been read.

    Args:
        videos: At least one that is there; all have the same number of views and their size.
        views_each: That number.
        batch: Most views at once.
    """
    there = next(video for video in videos if video is not None)
    black = torch.zeros_like(there.view(0))
    count = len(videos) * views_each
    for first in range(0, count, batch):
        chosen = [divmod(i, views_each) for i in range(first, min(first + batch, count))]
        found = ((videos[number], view) for number, view in chosen)
        yield torch.stack([black if one is None else one.view(i) for one, i in found])


def _resized(
    frames: UInt8[Tensor, "some height width channels"], size: Size, shrinking: Shrinking
) -> UInt8[Tensor, "some out_height out_width channels"]:
    if tuple(frames.shape[1:3]) == size:
        return frames
    x = frames.permute(0, 3, 1, 2)
    if shrinking == "antialiased":
        y = resize(x.contiguous(memory_format=torch.channels_last), size)
    else:
        y = F.interpolate(x.float(), size=size, mode="bilinear").round_().to(torch.uint8)
    return y.permute(0, 2, 3, 1)
