"""What a reading process says of a video before a run: its clip's frames, and its size.

The video is opened, frames are chosen as for training, and its first is decoded. No torch here.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from videomae2.data.video.trim import open_video
from videomae2.data.views.read import select_frames
from videomae2.data.views.requests import SampleRequest
from videomae2.data.workers.main import AllocateFn
from videomae2.errors import VideoError

COUNT_CLIP_FRAMES = "videomae2.data.views.lengths:count_clip_frames"
"""The name by which a pool finds the function."""


def count_clip_frames(
    request: SampleRequest, allocate: AllocateFn
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Choose the frames of a clip.

    Returns:
        No array; and plain values: ``num_frames`` of the video; how many of the clip's frames are
        ``repeated``: shown more often than once, but for the first time; ``num_bytes`` of all
        frames, None where the first cannot be decoded.

    Raises:
        VideoError: The video cannot be opened, or has no times where the stride counts time.
    """
    with open_video(request.entry, request.spec) as reader:
        indices = select_frames(reader, request)
        num_frames, num_bytes = reader.num_frames, None
        with suppress(VideoError):  # it may be damaged there alone
            num_bytes = reader.read([0]).nbytes * num_frames
    repeated = len(indices) - len(np.unique(indices))
    counts = {"num_frames": int(num_frames), "repeated": int(repeated), "num_bytes": num_bytes}
    return {}, counts
