"""What a reading process of `evaluate_views.py` does for one view, as the released code does it.

No torch here: reading processes import it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import av
import numpy as np

from videomae2.data.manifests.manifest import Entry
from videomae2.data.video.trim import open_video
from videomae2.data.views.requests import ViewSpec
from videomae2.data.views.sampling import dense_clips
from videomae2.data.workers.main import AllocateFn


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """One view of one video."""

    entry: Entry
    shape: ViewSpec
    clip: int
    decode_all: bool
    """Decode every frame, as a plain reader does, or leave out what nobody wants, as ours."""

    @property
    def path(self) -> str:
        return self.entry.path


def read_view(
    request: ViewRequest, allocate: AllocateFn
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Decode all frames of the stride, and give those of one clip, as the released code does."""
    shape = request.shape
    stride = int(shape.frame_interval)
    if request.decode_all:
        every, count = _decode_frames(request.path, stride)
    else:
        with open_video(request.entry, shape) as reader:
            count = reader.num_frames
            every = reader.read(range(0, count, stride))
    clips = dense_clips(count, shape.frames, stride, clips=shape.clips)
    frames = every[clips[request.clip] // stride]
    out = allocate(frames.shape, np.uint8)
    np.copyto(out, frames)
    return {"frames": out}, {}


def _decode_frames(path: str, stride: int) -> tuple[np.ndarray, int]:
    """Decode a video from first to last; every ``stride``-th frame, and how many there are."""
    frames, count = [], 0
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        for count, frame in enumerate(container.decode(stream), start=1):
            if (count - 1) % stride == 0:
                frames.append(frame.to_ndarray(format="rgb24"))
    return np.stack(frames), count
