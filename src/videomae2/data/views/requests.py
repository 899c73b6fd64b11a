"""What a reading process is asked for: a clip of training, or the views of a test video.

The views of a test video are K clips times C crops. All their frames are read at once:
``gather_frames`` says which, and where each clip finds its own among them. No torch here: reading
workers import it.

Axes: clips, frames of a clip, union = the different frames of all clips.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Int64

from videomae2.data.manifests.manifest import Entry
from videomae2.data.video.reader import Pixels, ReadLimits
from videomae2.data.views import crops
from videomae2.data.views.crops import Box
from videomae2.data.views.frame_cache import CachePlace

IntervalUnit = Literal["frames", "seconds", "per-second"]
SamplingKind = Literal["strided", "dense", "tsn", "whole"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingSpec:
    """Which frames make a clip, and what reading them may cost; the same for all of a list."""

    frame_sampling: SamplingKind = "strided"
    """Exact distances, a grid over a window, one frame of each equal part of the video, or even
    distances over all of it."""
    frames: int
    """Of a clip."""
    channels: int
    frame_interval: float
    """Distance between the frames of a clip; over a whole video it means nothing."""
    interval_unit: IntervalUnit
    limits: ReadLimits
    frame_name: str | None = None
    frame_rate: float | None = None

    @property
    def pixels(self) -> Pixels:
        """Colour of what is read."""
        return "gray" if self.channels == 1 else "rgb"

    @property
    def step_seconds(self) -> float:
        """Time between the frames of a clip, where the interval counts time."""
        return self.frame_interval if self.interval_unit == "seconds" else 1 / self.frame_interval


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipSpec(SamplingSpec):
    """The clip that is wanted of every video of a source, and the views of it."""

    height: int
    width: int
    views: int
    crop: crops.CropConfig
    center: bool = False
    """The middle of the video, without a draw (validation)."""
    cache: CachePlace | None = None
    """Where frames that were decoded before are kept, by the number of the video."""


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """What is asked of one video."""

    entry: Entry

    @property
    def path(self) -> str:
        """The file, for messages."""
        return self.entry.path


@dataclass(frozen=True, slots=True)
class SampleRequest(VideoRequest):
    """One clip to read, with the key of its draws."""

    key: int
    spec: ClipSpec
    sample_id: tuple[int, int] = (0, 0)
    """Its source, and its number in the list of that; for whoever asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewSpec(SamplingSpec):
    """The views of every test video: clips spread over its time, crops of each side by side."""

    clips: int
    crops: int
    """Along the longer side."""
    antialias: bool = True
    """How frames are resized to the size of the crops, on the device."""
    source: str = ""
    """Where the choice of frames comes from, in words."""

    @property
    def num_views(self) -> int:
        """Views per video."""
        return self.clips * self.crops

    def to_provenance(self) -> dict[str, Any]:
        """All that the pixels of the views depend on, which no limit of time or memory changes."""
        values = asdict(self) | {
            name: getattr(self.limits, name) for name in ("max_short_side", "square_pixels")
        }
        return {name: value for name, value in values.items() if name not in ("limits", "source")}


@dataclass(frozen=True, slots=True)
class ViewsRequest(VideoRequest):
    """All views of a video."""

    spec: ViewSpec


def gather_frames(
    clips: Int64[np.ndarray, "clips frames"],
) -> tuple[Int64[np.ndarray, " unique_frames"], Int64[np.ndarray, "clips frames"]]:
    """The frames of all clips, in order and each once, and where each clip finds its own there."""
    unique_frames, frame_index = np.unique(clips, return_inverse=True)
    return unique_frames, frame_index.reshape(clips.shape).astype(np.int64)


def list_views(clips: int, crops: int) -> list[tuple[int, int]]:
    """(clip, crop) of every view in order: all crops of the first clip, then the next clip."""
    return [(clip, crop) for clip in range(clips) for crop in range(crops)]


def find_unique_views(
    frame_index: Int64[np.ndarray, "clips frames"], boxes: Sequence[Box]
) -> tuple[list[int], Int64[np.ndarray, " views"]]:
    """Find the views that show the same frames and the same part of them.

    The clips of a short video are alike, and so are the crops of a square one.

    Returns:
        The number of the first view of each kind, and for every view the position of its kind
        among them: ``results[inverse]`` of results for those belongs to all views.
    """
    numbers: list[int] = []
    kind_of: dict[tuple[int, ...], int] = {}
    inverse = []
    for number, (clip, crop) in enumerate(list_views(len(frame_index), len(boxes))):
        key = (*frame_index[clip].tolist(), *boxes[crop])
        if key not in kind_of:
            kind_of[key] = len(numbers)
            numbers.append(number)
        inverse.append(kind_of[key])
    return numbers, np.array(inverse, dtype=np.int64)
