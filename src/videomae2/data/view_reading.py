"""What a reading process does for all views of one video: read the frames of all of them at once.

No torch here. Axes: union = the different frames of all clips; height, width, channels.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Int64

from videomae2.data.manifest import Entry
from videomae2.data.opening import check_channels, clock_of, open_entry
from videomae2.data.readers import Pixels, Reader, ReadLimits
from videomae2.data.sliding import end_of
from videomae2.data.view_grid import ViewGridConfig, dense_clips, plan, segment_clips, timed_clips
from videomae2.data.worker_main import Allocate

READ_VIEWS = "videomae2.data.view_reading:read_views"
"""The name by which a pool finds the function."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GridShape:
    """The clips that are wanted of every video."""

    grid: ViewGridConfig
    frames: int
    """Of a clip."""
    channels: int
    stride: float
    """Distance between the frames of a dense clip; segments have none."""
    stride_unit: Literal["frames", "seconds", "per-second"]
    limits: ReadLimits
    frame_name: str | None = None
    frame_rate: float | None = None

    @property
    def pixels(self) -> Pixels:
        """Colour of what is read."""
        return "gray" if self.channels == 1 else "rgb"

    @property
    def step_seconds(self) -> float:
        """Time between the frames of a dense clip, where the stride counts time."""
        return self.stride if self.stride_unit == "seconds" else 1 / self.stride


@dataclass(frozen=True, slots=True)
class ViewsRequest:
    """One video to read."""

    entry: Entry
    shape: GridShape

    @property
    def path(self) -> str:
        """The file, for messages."""
        return self.entry.path


def read_views(
    request: ViewsRequest, allocate: Allocate
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Read every frame that some view of a video needs, once, in one opening.

    Returns:
        ``frames`` uint8 [union, height, width, channels] and ``place`` int64 [clips, frames of a
        clip] of each clip's frames among them; and plain values: ``num_frames`` and
        ``length_seconds`` of the video (None without a clock), ``indices`` of its frames that were
        read, ``seconds`` of each stage.

    Raises:
        VideoError: The frames cannot be read, have another number of channels, or have no times
            where the stride counts time.
    """
    started = time.perf_counter()
    with open_entry(request.entry, request.shape) as reader:
        chosen = plan(clips_of(reader, request))
        opened = time.perf_counter()
        frames = reader.read(chosen.union.tolist())
        num_frames, shown = reader.num_frames, reader.seconds
    check_channels(request.path, frames.shape[3], request.shape.channels)
    out = allocate(frames.shape, np.uint8)
    np.copyto(out, frames)
    place = allocate(chosen.place.shape, np.int64)
    np.copyto(place, chosen.place)
    done = time.perf_counter()
    return {"frames": out, "place": place}, {
        "num_frames": num_frames,
        "length_seconds": None if shown is None else end_of(shown),
        "indices": chosen.union.tolist(),
        "seconds": {"open": opened - started, "read": done - opened},
    }


def clips_of(reader: Reader, request: ViewsRequest) -> Int64[np.ndarray, "clips frames"]:
    """Which frames make the clips of a video.

    Raises:
        VideoError: The stride counts in seconds and the video has no clock.
    """
    shape, grid = request.shape, request.shape.grid
    if grid.kind == "segments":
        return segment_clips(reader.num_frames, shape.frames, clips=grid.clips)
    if shape.stride_unit == "frames":
        stride = int(shape.stride)
        return dense_clips(reader.num_frames, shape.frames, stride, clips=grid.clips)
    seconds = clock_of(reader, request.path)
    return timed_clips(seconds, shape.frames, shape.step_seconds, clips=grid.clips)
