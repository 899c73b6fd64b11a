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
from videomae2.data.opening import check_channels, require_timestamps, open_video
from videomae2.data.readers import Pixels, Reader, ReadLimits
from videomae2.data.sliding import compute_duration
from videomae2.data.view_grid import ViewGridConfig, dense_clips, gather_frames, segment_clips, timed_clips
from videomae2.data.worker_main import AllocateFn

READ_VIEWS = "videomae2.data.views.tasks:read_views"
"""The name by which a pool finds the function."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewSpec:
    """The clips that are wanted of every video."""

    grid: ViewGridConfig
    frames: int
    """Of a clip."""
    channels: int
    frame_interval: float
    """Distance between the frames of a dense clip; segments have none."""
    interval_unit: Literal["frames", "seconds", "per-second"]
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
        return self.frame_interval if self.interval_unit == "seconds" else 1 / self.frame_interval


@dataclass(frozen=True, slots=True)
class ViewsRequest:
    """One video to read."""

    entry: Entry
    spec: ViewSpec

    @property
    def path(self) -> str:
        """The file, for messages."""
        return self.entry.path


def read_views(
    request: ViewsRequest, allocate: AllocateFn
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Read every frame that some view of a video needs, once, in one opening.

    Returns:
        ``frames`` uint8 [union, height, width, channels] and ``frame_index`` int64 [clips, frames of a
        clip] of each clip's frames among them; and plain values: ``num_frames`` and
        ``length_seconds`` of the video (None without a clock), ``indices`` of its frames that were
        read, ``seconds`` of each stage.

    Raises:
        VideoError: The frames cannot be read, have another number of channels, or have no times
            where the stride counts time.
    """
    started = time.perf_counter()
    with open_video(request.entry, request.spec) as reader:
        view_frames = gather_frames(list_clips(reader, request))
        opened = time.perf_counter()
        frames = reader.read(view_frames.unique_frames.tolist())
        num_frames, shown = reader.num_frames, reader.seconds
    check_channels(request.path, frames.shape[3], request.spec.channels)
    out = allocate(frames.shape, np.uint8)
    np.copyto(out, frames)
    frame_index = allocate(view_frames.frame_index.shape, np.int64)
    np.copyto(frame_index, view_frames.frame_index)
    done = time.perf_counter()
    return {"frames": out, "frame_index": frame_index}, {
        "num_frames": num_frames,
        "length_seconds": None if shown is None else compute_duration(shown),
        "indices": view_frames.unique_frames.tolist(),
        "seconds": {"open": opened - started, "read": done - opened},
    }


def list_clips(reader: Reader, request: ViewsRequest) -> Int64[np.ndarray, "clips frames"]:
    """Which frames make the clips of a video.

    Raises:
        VideoError: The stride counts in seconds and the video has no clock.
    """
    spec, grid = request.spec, request.spec.grid
    if grid.kind == "segments":
        return segment_clips(reader.num_frames, spec.frames, clips=grid.clips)
    if spec.interval_unit == "frames":
        stride = int(spec.frame_interval)
        return dense_clips(reader.num_frames, spec.frames, stride, clips=grid.clips)
    seconds = require_timestamps(reader, request.path)
    return timed_clips(seconds, spec.frames, spec.step_seconds, clips=grid.clips)
