"""What a reading process of `evaluate_views.py` does for one view, as the released code does it.

No torch here: reading processes import it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import av
import numpy as np

from videomae2.data.manifest import Entry
from videomae2.data.opening import open_entry
from videomae2.data.view_grid import dense_clips
from videomae2.data.view_reading import GridShape
from videomae2.data.worker_main import Allocate


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """One view of one video."""

    entry: Entry
    shape: GridShape
    clip: int
    plain: bool
    """Decode every frame, as a plain reader does, or leave out what nobody wants, as ours."""

    @property
    def path(self) -> str:
        return self.entry.path


def read_view(
    request: ViewRequest, allocate: Allocate
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Decode all frames of the stride, and give those of one clip, as the released code does."""
    shape = request.shape
    stride = int(shape.stride)
    if request.plain:
        every, count = _decoded(request.path, stride)
    else:
        with open_entry(request.entry, shape) as reader:
            count = reader.num_frames
            every = reader.read(range(0, count, stride))
    clips = dense_clips(count, shape.frames, stride, clips=shape.grid.clips)
    frames = every[clips[request.clip] // stride]
    out = allocate(frames.shape, np.uint8)
    np.copyto(out, frames)
    return {"frames": out}, {}


def _decoded(path: str, stride: int) -> tuple[np.ndarray, int]:
    """Decode a video from first to last; every ``stride``-th frame, and how many there are."""
    found, count = [], 0
    with av.open(path) as box:
        stream = box.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        for count, frame in enumerate(box.decode(stream), start=1):
            if (count - 1) % stride == 0:
                found.append(frame.to_ndarray(format="rgb24"))
    return np.stack(found), count
