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
from videomae2.data.opening import check_channels, require_timestamps, open_video
from videomae2.data.readers import Pixels, Reader, ReadLimits
from videomae2.data.worker_main import AllocateFn
from videomae2.tensors import draws

_START_STREAM, _VIEW_STREAM, _CROP_STREAM = 1, 2, 3


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipSpec:
    """The clips that are wanted, the same for every sample of a source."""

    frames: int
    height: int
    width: int
    channels: int
    views: int
    frame_interval: float
    interval_unit: str
    crop: crops.CropConfig
    limits: ReadLimits
    frame_name: str | None = None
    frame_sampling: Literal["stride", "dense", "segments"] = "stride"
    """Exact strides (pre-training), or as ``data/labelled_sampling.py`` has it."""
    center: bool = False
    """Dense windows and segments are taken in the middle, without a draw (validation)."""
    frame_rate: float | None = None

    @property
    def pixels(self) -> Pixels:
        """Colour of what is read."""
        return "gray" if self.channels == 1 else "rgb"

    @property
    def step_seconds(self) -> float:
        """Time between the frames of a clip, where the stride counts time."""
        return self.frame_interval if self.interval_unit == "seconds" else 1 / self.frame_interval


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """One clip to read, with the key of its draws."""

    entry: Entry
    key: int
    spec: ClipSpec
    sample_id: tuple[int, int] = (0, 0)
    """Its source, and its number in the list of that; for whoever asked."""

    @property
    def path(self) -> str:
        """The file, for messages."""
        return self.entry.path


def read_sample(
    request: SampleRequest, allocate: AllocateFn
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Read the frames of one clip and draw the boxes of its views.

    Returns:
        ``frames`` uint8 [frames, height, width, channels], each different frame once; and plain
        values: ``frame_index`` (which of them each frame of the clip is), ``boxes`` and ``flips`` of
        the views, ``num_frames`` of the video, ``seconds`` of each stage.

    Raises:
        VideoError: If the frames cannot be read or have another number of channels.
    """
    entry, spec = request.entry, request.spec
    started = time.perf_counter()
    with open_video(entry, spec) as reader:
        indices = select_frames(reader, request)
        opened = time.perf_counter()
        unique_frames, frame_index = np.unique(indices, return_inverse=True)
        frames = reader.read(unique_frames.tolist())
        num_frames = reader.num_frames
    check_channels(entry.path, frames.shape[3], spec.channels)
    boxes, flips = draw_view_boxes(frames.shape[1], frames.shape[2], spec, request.key)
    out = allocate(frames.shape, np.uint8)
    np.copyto(out, frames)
    done = time.perf_counter()
    return {"frames": out}, {
        "frame_index": frame_index.tolist(),
        "boxes": boxes,
        "flips": flips,
        "num_frames": num_frames,
        "seconds": {"open": opened - started, "read": done - opened},
    }


def select_frames(reader: Reader, request: SampleRequest) -> np.ndarray:
    """Which frames make the clip; may repeat in a short video.

    Raises:
        VideoError: If the stride counts in seconds and the video has no clock.
    """
    spec = request.spec
    uniform = draws.uniform(draws.make_key(request.key, _START_STREAM), spec.frames)
    seconds = None if spec.interval_unit == "frames" else require_timestamps(reader, request.path)
    if spec.frame_sampling == "stride":
        return _select_strided(reader, spec, seconds, float(uniform[0]))
    if spec.frame_sampling == "segments":
        return _select_segments(reader, spec, seconds, None if spec.center else uniform)
    return _select_dense(reader, spec, seconds, None if spec.center else float(uniform[0]))


def _select_strided(
    reader: Reader, spec: ClipSpec, seconds: np.ndarray | None, uniform: float
) -> np.ndarray:
    if seconds is None:
        frame_interval = int(spec.frame_interval)
        first = sampling.draw_first_frame(reader.num_frames, spec.frames * frame_interval, uniform)
        return sampling.pretrain_indices(reader.num_frames, spec.frames, frame_interval, first=first)
    return sampling.timed_indices(seconds, spec.frames, spec.step_seconds, uniform)


def _select_dense(
    reader: Reader, spec: ClipSpec, seconds: np.ndarray | None, uniform: float | None
) -> np.ndarray:
    if seconds is None:
        return labelled_sampling.dense_indices(
            reader.num_frames, spec.frames, int(spec.frame_interval), uniform=uniform
        )
    return labelled_sampling.dense_timed_indices(
        seconds, spec.frames, spec.step_seconds, uniform=uniform
    )


def _select_segments(
    reader: Reader, spec: ClipSpec, seconds: np.ndarray | None, uniform: np.ndarray | None
) -> np.ndarray:
    if seconds is None:
        return labelled_sampling.segment_indices(reader.num_frames, spec.frames, uniform)
    return labelled_sampling.segment_timed_indices(seconds, spec.frames, uniform)


def draw_view_boxes(
    height: int, width: int, spec: ClipSpec, key: int
) -> tuple[list[crops.Box], list[bool]]:
    """The box and the mirroring of every view of a sample."""
    boxes, flips = [], []
    size = (spec.height, spec.width)
    for view in range(spec.views):
        uniform = draws.uniform(draws.make_key(compute_view_key(key, view), _CROP_STREAM), 3 + 4 * crops.MAX_ATTEMPTS)
        boxes.append(crops.build_crop_box(height, width, size, uniform, spec.crop))
        flips.append(bool(spec.crop.flip and uniform[2] < 0.5))
    return boxes, flips


def compute_view_key(key: int, view: int) -> int:
    """The key of one view's draws: its crop here, its masks on the device."""
    return draws.make_key(key, _VIEW_STREAM, view)
