"""What a reading process does to predict a whole video: all frames of all its views, decoded once.

No torch here. Axes: frames, height, width, channels; clips.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64

from videomae2.data import view_grid
from videomae2.data.crops import Box, centre_box
from videomae2.data.manifest import Entry
from videomae2.data.readers import Pixels, Reader, ReadLimits, open_reader
from videomae2.data.sliding import end_of
from videomae2.data.view_grid import ViewGridConfig
from videomae2.data.worker_main import Allocate
from videomae2.errors import VideoError

FUNCTION = "videomae2.data.whole_video:read_whole"
_NO_CLOCK = (
    "it is a folder of images or an array, which has no clock, and the model's clips are counted "
    "in seconds; give its --frame-rate"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewShape:
    """The views that are wanted, the same for every video."""

    frames: int
    height: int
    width: int
    channels: int
    grid: ViewGridConfig
    stride: int | None
    """Distance of the frames of a dense clip in frames; None: it is ``step_seconds``."""
    step_seconds: float | None
    limits: ReadLimits
    frame_rate: float | None = None

    @property
    def pixels(self) -> Pixels:
        """Colour of what is read."""
        return "gray" if self.channels == 1 else "rgb"


@dataclass(frozen=True, slots=True)
class WholeRequest:
    """One video, with the template of its images if it is a folder of them."""

    entry: Entry
    shape: ViewShape
    frame_name: str | None = None

    @property
    def path(self) -> str:
        """The file, for messages."""
        return self.entry.path


def read_whole(
    request: WholeRequest, allocate: Allocate
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Read all frames of all views of a video.

    Views that would show the same are given once with how often they count, for short videos have
    the same clip again and again, and square ones the same crop.

    Returns:
        ``frames`` uint8 [frames, height, width, channels], each different frame once; and plain
        values: ``place`` [clips, frames] (which of them the frames of each clip are), ``boxes``,
        ``clip_counts`` and ``box_counts`` (how many views of the grid each stands for),
        ``num_frames`` and ``length_seconds`` of the video (None without a clock).

    Raises:
        VideoError: If the frames cannot be read or have another number of channels.
    """
    entry, shape = request.entry, request.shape
    with open_reader(
        entry.path,
        pixels=shape.pixels,
        limits=shape.limits,
        frame_name=request.frame_name if entry.is_frames else None,
        first=entry.first,
        frames=entry.frames,
        frame_rate=shape.frame_rate,
    ) as reader:
        clips, clip_counts = _once(clip_indices(reader, request))
        plan = view_grid.plan(clips)
        frames = reader.read(plan.union.tolist())
        num_frames, seconds = reader.num_frames, reader.seconds
    if frames.shape[3] != shape.channels:
        found = f"its frames have {frames.shape[3]} channels, the model reads {shape.channels}"
        raise VideoError(entry.path, found)
    boxes, box_counts = _once(np.array(boxes_of(frames.shape[1], frames.shape[2], shape)))
    out = allocate(frames.shape, np.uint8)
    np.copyto(out, frames)
    return {"frames": out}, {
        "place": plan.place.tolist(),
        "boxes": [tuple(box) for box in boxes.tolist()],
        "clip_counts": clip_counts.tolist(),
        "box_counts": box_counts.tolist(),
        "num_frames": num_frames,
        "length_seconds": None if seconds is None else end_of(seconds),
    }


def clip_indices(reader: Reader, request: WholeRequest) -> Int64[np.ndarray, "clips frames"]:
    """Which frames make the clips.

    Raises:
        VideoError: If they are counted in seconds and the video has no clock.
    """
    shape, num_frames = request.shape, reader.num_frames
    if shape.grid.kind == "segments":
        return view_grid.segment_clips(num_frames, shape.frames, clips=shape.grid.clips)
    if shape.stride is not None:
        return view_grid.dense_clips(num_frames, shape.frames, shape.stride, clips=shape.grid.clips)
    if reader.seconds is None:
        raise VideoError(request.path, _NO_CLOCK)
    assert shape.step_seconds is not None
    return view_grid.timed_clips(
        reader.seconds, shape.frames, shape.step_seconds, clips=shape.grid.clips
    )


def boxes_of(height: int, width: int, shape: ViewShape) -> list[Box]:
    """The crops: the largest box of the clip's proportions, along the longer side of the frame."""
    _, _, *size = centre_box(height, width, (shape.height, shape.width))
    return view_grid.crop_boxes(height, width, (size[0], size[1]), crops=shape.grid.crops)


def _once(
    rows: Int64[np.ndarray, "rows cols"],
) -> tuple[Int64[np.ndarray, "fewer cols"], Int64[np.ndarray, " fewer"]]:
    """Every different row once, and how often it was there."""
    different, counts = np.unique(rows, axis=0, return_counts=True)
    return different, counts
