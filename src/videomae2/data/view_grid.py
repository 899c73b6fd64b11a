"""Which frames and which parts of them make the views of a video at test time; nothing is read.

K clips times C crops. All frames of all views are read at once: `plan` says which, and where each
clip finds its own among them. No torch here: reading workers import it.

Axes: clips, frames of a clip, union = the different frames of all clips.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64

from videomae2.data.crops import Box
from videomae2.data.sampling import timed_indices


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewGridConfig:
    """The views of each video that are scored and averaged."""

    kind: Literal["dense", "segments"] = "dense"
    """Clips of the training stride, spread over the video; or interleaved grids over all of it."""
    clips: int = 5
    """Clips per video, spread over its time."""
    crops: int = 3
    """Crops per clip, spread over the longer side."""

    @property
    def views(self) -> int:
        """Views per video."""
        return self.clips * self.crops


@dataclass(frozen=True, slots=True)
class ViewFrames:
    """What to read of one video, once, and which of it each clip shows."""

    unique_frames: Int64[np.ndarray, " unique_frames"]
    """The frames to read, in order, each once."""
    frame_index: Int64[np.ndarray, "clips frames"]
    """Frame i of clip k is ``union[place[k, i]]``."""

    @property
    def clips(self) -> Int64[np.ndarray, "clips frames"]:
        """The frame indices of every clip in the video."""
        return self.unique_frames[self.frame_index]


@dataclass(frozen=True, slots=True)
class UniqueViews:
    """Views of a video of which no two show the same, and what stands for all the others."""

    numbers: tuple[int, ...]
    """The first of each kind, in the order of `views`."""
    inverse: Int64[np.ndarray, " list_views"]
    """For every view of the grid, its place among ``numbers``: ``found[of]`` of what was found
    for those is what belongs to all views."""


def gather_frames(clips: Int64[np.ndarray, "clips frames"]) -> ViewFrames:
    """Gather the frames of all clips, so that the video is decoded once."""
    unique_frames, frame_index = np.unique(clips, return_inverse=True)
    return ViewFrames(unique_frames, frame_index.reshape(clips.shape).astype(np.int64))


def list_views(clips: int, crops: int) -> list[tuple[int, int]]:
    """(clip, crop) of every view in order: all crops of the first clip, then the next clip."""
    return [(clip, crop) for clip in range(clips) for crop in range(crops)]


def find_unique_views(
    frame_index: Int64[np.ndarray, "clips frames"], boxes: Sequence[Box]
) -> UniqueViews:
    """Find the views that show the same frames and the same part of them.

    The clips of a short video are alike, and so are the crops of a square one.

    Args:
        frame_index: What stands for the frames of every clip, such as their indices.
        boxes: The crops.
    """
    shown = [(*frame_index[k].tolist(), *boxes[crop]) for k, crop in list_views(len(frame_index), len(boxes))]
    number_of_key: dict[tuple[int, ...], int] = {}
    inverse = [number_of_key.setdefault(key, len(number_of_key)) for key in shown]
    return UniqueViews(tuple(map(inverse.index, range(len(number_of_key)))), np.array(inverse, dtype=np.int64))


def dense_clips(
    num_frames: int, frames: int, frame_interval: int, *, clips: int
) -> Int64[np.ndarray, "clips frames"]:
    """Clips of the exact stride, spread evenly from the first to the last that fits.

    A video too short for one clip repeats the last frame that the stride reaches, and all its
    clips are the same. One clip is taken from the middle, where the released code divides by 0.

    Args:
        num_frames: Frames of the video, at least 1.
        frames: Frames of a clip.
        frame_interval: Distance between frames, in frames of the video.
        clips: Number of clips.

    Source: VideoClsDataset in dataset/datasets.py of the released code, test mode.
    """
    check_positive(num_frames=num_frames, frames=frames, stride=frame_interval, clips=clips)
    grid = np.arange(0, num_frames, frame_interval, dtype=np.int64)
    first = spread_evenly(max(len(grid) - frames, 0), clips)
    index = first[:, None] + np.arange(frames, dtype=np.int64)
    return grid[np.minimum(index, len(grid) - 1)]


def segment_clips(num_frames: int, frames: int, *, clips: int) -> Int64[np.ndarray, "clips frames"]:
    """Interleaved grids over the whole video: together they are one grid, ``clips`` times finer.

    Args:
        num_frames: Frames of the video, at least 1; fewer than ``frames`` repeat.
        frames: Frames of a clip, one per segment of the video.
        clips: Number of clips; one shows the first frame of each segment, as in the formula.

    Source: VideoClsDataset (sparse) and SSVideoClsDataset in dataset/datasets.py of the released
        code, test mode: all positions are sorted, then clip k takes every ``clips``-th from k on.
    """
    check_positive(num_frames=num_frames, frames=frames, clips=clips)
    segment_length = num_frames / frames
    # the order of these operations decides where a position rounds down: it is the released one
    positions = [[int(k * segment_length / clips + segment_length * x) for x in range(frames)] for k in range(clips)]
    return np.sort(np.array(positions, dtype=np.int64), axis=None).reshape(frames, clips).T


def timed_clips(
    seconds: Float64[np.ndarray, " num_frames"], frames: int, step_seconds: float, *, clips: int
) -> Int64[np.ndarray, "clips frames"]:
    """Clips with equal distances of time, whatever the frame rate, spread evenly over the video.

    Args:
        seconds: When each frame of the video is shown.
        frames: Frames of a clip.
        step_seconds: Time from one frame of a clip to the next.
        clips: Number of clips; one is taken from the middle.
    """
    check_positive(num_frames=len(seconds), frames=frames, clips=clips)
    positions = [0.5] if clips == 1 else [k / (clips - 1) for k in range(clips)]
    return np.stack([timed_indices(seconds, frames, step_seconds, u) for u in positions])


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

    Exact to the released code on frames of `compute_cover_size`, in their pixels.

    Args:
        height: Height of the frames in pixels.
        width: Width of the frames in pixels.
        size: Height and width of the boxes in pixels.
        crops: Number of boxes; one is the middle, where the released code divides by 0.

    Raises:
        ValueError: The box is larger than the frame.
    """
    check_positive(crops=crops)
    spare = (height - size[0], width - size[1])
    if min(spare) < 0:
        raise ValueError(f"a box of {size[0]}x{size[1]} does not fit a {height}x{width} frame")
    tops, lefts = (spread_evenly(side, crops).tolist() for side in spare)
    return [(top, left, *size) for top, left in zip(tops, lefts, strict=True)]


def spread_evenly(spare: int, count: int) -> Int64[np.ndarray, " count"]:
    """Starts from 0 to ``spare``, evenly, rounded down as the released code does; one: half."""
    if count == 1:
        return np.array([spare // 2], dtype=np.int64)
    step = spare / (count - 1)
    return np.array([int(k * step) for k in range(count)], dtype=np.int64)


def check_positive(**counts: int) -> None:
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} is {value}, wanted 1 or more")
