"""What a reading process says of a video before a run: how many frames its clip has. No torch here.

Nothing is decoded: the video is opened, and frames are chosen as for training.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from videomae2.data.video.trim import open_video
from videomae2.data.views.read import select_frames
from videomae2.data.views.requests import SampleRequest
from videomae2.data.workers.main import AllocateFn

COUNT_CLIP_FRAMES = "videomae2.data.views.lengths:count_clip_frames"
"""The name by which a pool finds the function."""


def count_clip_frames(
    request: SampleRequest, allocate: AllocateFn
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Choose the frames of a clip.

    Returns:
        No array; and plain values: ``num_frames`` of the video, and how many of the clip's frames
        are ``repeated``: shown more often than once, but for the first time.

    Raises:
        VideoError: The video cannot be opened, or has no times where the stride counts time.
    """
    with open_video(request.entry, request.spec) as reader:
        indices = select_frames(reader, request)
        num_frames = reader.num_frames
    repeated = len(indices) - len(np.unique(indices))
    return {}, {"num_frames": int(num_frames), "repeated": int(repeated)}
