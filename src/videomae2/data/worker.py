"""What a reading process does for one sample: choose frames, read them, choose the views' boxes.

No torch here. Axes: frames, height, width, channels; views.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from videomae2.data import crops, labelled_sampling, sampling
from videomae2.data.manifest import Entry
from videomae2.data.opening import check_channels, clock_of, open_entry
from videomae2.data.readers import Pixels, Reader, ReadLimits
from videomae2.data.worker_main import Allocate
from videomae2.tensors import draws

_START_STREAM, _VIEW_STREAM, _CROP_STREAM = 1, 2, 3


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipShape:
    """The clips that are wanted, the same for every sample of a source."""

    frames: int
    height: int
    width: int
    channels: int
    views: int
    stride: float
    stride_unit: str
    crop: crops.CropConfig
    limits: ReadLimits
    frame_name: str | None = None
    sampling: Literal["stride", "dense", "segments"] = "stride"
    """Exact strides (pre-training), or as ``data/labelled_sampling.py`` has it."""
    middle: bool = False
    """Dense windows and segments are taken in the middle, without a draw (validation)."""
    frame_rate: float | None = None

    @property
    def pixels(self) -> Pixels:
        """Colour of what is read."""
        return "gray" if self.channels == 1 else "rgb"

    @property
    def step_seconds(self) -> float:
        """Time between the frames of a clip, where the stride counts time."""
        return self.stride if self.stride_unit == "seconds" else 1 / self.stride


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """One clip to read, with the key of its draws."""

    entry: Entry
    key: int
    shape: ClipShape
    place: tuple[int, int] = (0, 0)
    """Its source, and its number in the list of that; for whoever asked."""

    @property
    def path(self) -> str:
        """The file, for messages."""
        return self.entry.path


def read_sample(
    request: SampleRequest, allocate: Allocate
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Read the frames of one clip and draw the boxes of its views.

    Returns:
        ``frames`` uint8 [frames, height, width, channels], each different frame once; and plain
        values: ``place`` (which of them each frame of the clip is), ``boxes`` and ``flips`` of
        the views, ``num_frames`` of the video, ``seconds`` of each stage.

    Raises:
        VideoError: If the frames cannot be read or have another number of channels.
    """
    entry, shape = request.entry, request.shape
    started = time.perf_counter()
    with open_entry(entry, shape) as reader:
        indices = clip_indices(reader, request)
        opened = time.perf_counter()
        wanted, place = np.unique(indices, return_inverse=True)
        frames = reader.read(wanted.tolist())
        num_frames = reader.num_frames
    check_channels(entry.path, frames.shape[3], shape.channels)
    boxes, flips = view_boxes(frames.shape[1], frames.shape[2], shape, request.key)
    out = allocate(frames.shape, np.uint8)
    np.copyto(out, frames)
    done = time.perf_counter()
    return {"frames": out}, {
        "place": place.tolist(),
        "boxes": boxes,
        "flips": flips,
        "num_frames": num_frames,
        "seconds": {"open": opened - started, "read": done - opened},
    }


def clip_indices(reader: Reader, request: SampleRequest) -> np.ndarray:
    """Which frames make the clip; may repeat in a short video.

    Raises:
        VideoError: If the stride counts in seconds and the video has no clock.
    """
    shape = request.shape
    uniform = draws.uniform(draws.key(request.key, _START_STREAM), shape.frames)
    seconds = None if shape.stride_unit == "frames" else clock_of(reader, request.path)
    if shape.sampling == "stride":
        return _strided(reader, shape, seconds, float(uniform[0]))
    if shape.sampling == "segments":
        return _segments(reader, shape, seconds, None if shape.middle else uniform)
    return _dense(reader, shape, seconds, None if shape.middle else float(uniform[0]))


def _strided(
    reader: Reader, shape: ClipShape, seconds: np.ndarray | None, uniform: float
) -> np.ndarray:
    if seconds is None:
        stride = int(shape.stride)
        first = sampling.first_frame(reader.num_frames, shape.frames * stride, uniform)
        return sampling.pretrain_indices(reader.num_frames, shape.frames, stride, first=first)
    return sampling.timed_indices(seconds, shape.frames, shape.step_seconds, uniform)


def _dense(
    reader: Reader, shape: ClipShape, seconds: np.ndarray | None, uniform: float | None
) -> np.ndarray:
    if seconds is None:
        return labelled_sampling.dense_indices(
            reader.num_frames, shape.frames, int(shape.stride), uniform=uniform
        )
    return labelled_sampling.dense_timed_indices(
        seconds, shape.frames, shape.step_seconds, uniform=uniform
    )


def _segments(
    reader: Reader, shape: ClipShape, seconds: np.ndarray | None, uniform: np.ndarray | None
) -> np.ndarray:
    if seconds is None:
        return labelled_sampling.segment_indices(reader.num_frames, shape.frames, uniform)
    return labelled_sampling.segment_timed_indices(seconds, shape.frames, uniform)


def view_boxes(
    height: int, width: int, shape: ClipShape, key: int
) -> tuple[list[crops.Box], list[bool]]:
    """The box and the mirroring of every view of a sample."""
    boxes, flips = [], []
    size = (shape.height, shape.width)
    for view in range(shape.views):
        uniform = draws.uniform(draws.key(view_key(key, view), _CROP_STREAM), 3 + 4 * crops.TRIES)
        boxes.append(crops.drawn_box(height, width, size, uniform, shape.crop))
        flips.append(bool(shape.crop.flip and uniform[2] < 0.5))
    return boxes, flips


def view_key(key: int, view: int) -> int:
    """The key of one view's draws: its crop here, its masks on the device."""
    return draws.key(key, _VIEW_STREAM, view)
