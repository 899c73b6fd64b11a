"""What a reading process does for one video of which several clips are looked at, decoded once.

No torch here. Axes: clips, frames of a clip, union = the different frames of all clips; height,
width, channels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from videomae2.data import crops, view_grid
from videomae2.data.manifest import Entry
from videomae2.data.readers import Reader
from videomae2.data.worker import ClipShape, open_entry
from videomae2.data.worker_main import Allocate
from videomae2.errors import VideoError

FUNCTION = "videomae2.data.clip_worker:read_clips"
"""As ``Pool`` wants it."""


@dataclass(frozen=True, slots=True)
class ClipsRequest:
    """A video, and the clips that are wanted of it."""

    entry: Entry
    shape: ClipShape
    """Its views, crop and draws have no effect: each clip shows the largest box in the middle."""
    clips: int
    """Spread evenly over the video; one is taken from the middle."""

    @property
    def path(self) -> str:
        """The file, for messages."""
        return self.entry.path


def read_clips(
    request: ClipsRequest, allocate: Allocate
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Read the frames of all clips, each different one once.

    Returns:
        ``frames`` uint8 [union, height, width, channels]; and plain values: ``place`` [clips,
        frames], which of them each frame of a clip is, and the ``box`` that clips show.

    Raises:
        VideoError: If the frames cannot be read or have another number of channels.
    """
    entry, shape = request.entry, request.shape
    with open_entry(entry, shape) as reader:
        plan = view_grid.plan(_clips(reader, request))
        frames = reader.read(plan.union.tolist())
    if frames.shape[3] != shape.channels:
        found = f"its frames have {frames.shape[3]} channels, the model reads {shape.channels}"
        raise VideoError(entry.path, found)
    out = allocate(frames.shape, np.uint8)
    np.copyto(out, frames)
    box = crops.centre_box(frames.shape[1], frames.shape[2], (shape.height, shape.width))
    return {"frames": out}, {"place": plan.place.tolist(), "box": box}


def _clips(reader: Reader, request: ClipsRequest) -> np.ndarray:
    shape, clips = request.shape, request.clips
    if shape.sampling == "segments":
        return view_grid.segment_clips(reader.num_frames, shape.frames, clips=clips)
    if shape.stride_unit == "frames":
        stride = int(shape.stride)
        return view_grid.dense_clips(reader.num_frames, shape.frames, stride, clips=clips)
    if reader.seconds is None:
        raise VideoError(
            request.path,
            "it is a folder of images or an array, which has no clock, and the stride counts in "
            "seconds; count it in frames",
        )
    return view_grid.timed_clips(reader.seconds, shape.frames, shape.step_seconds, clips=clips)
