"""What a reading process of `evaluate_views.py` does for one view, as the released code does it.

No torch here: reading processes import it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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

    @property
    def path(self) -> str:
        return self.entry.path


def read_view(
    request: ViewRequest, allocate: Allocate
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Decode all frames of the stride, and give those of one clip, as the released code does."""
    shape = request.shape
    with open_entry(request.entry, shape) as reader:
        stride = int(shape.stride)
        every = reader.read(range(0, reader.num_frames, stride))
        clips = dense_clips(reader.num_frames, shape.frames, stride, clips=shape.grid.clips)
    frames = every[clips[request.clip] // stride]
    out = allocate(frames.shape, np.uint8)
    np.copyto(out, frames)
    return {"frames": out}, {}
