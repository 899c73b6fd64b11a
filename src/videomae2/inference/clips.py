"""The clips that a frozen encoder sees, as pixels; a video is decoded once.

Axes: clips, frames, height, width, channels.
"""

from collections.abc import Iterable, Iterator

import torch
from jaxtyping import UInt8
from torch import Tensor

from videomae2.data.views.requests import ViewsRequest
from videomae2.data.views.resize import ImageSize, resize_to_cover
from videomae2.data.workers.pool import Pool
from videomae2.errors import VideoError

ClipPixels = UInt8[Tensor, "clips frames height width channels"]


def read_videos(
    requests: Iterable[ViewsRequest], pool: Pool, size: ImageSize, device: torch.device
) -> Iterator[ClipPixels | VideoError]:
    """Read the clips of each video in order; a video that cannot be read gives its error."""
    for result in pool.map(requests):
        if result.arrays is None:
            assert result.error is not None
            yield result.error
            continue
        video = resize_to_cover(
            result.arrays["frames"],
            result.arrays["frame_index"],
            size,
            crops=1,
            antialias=result.request.spec.antialias,
            device=device,
        )
        yield torch.stack([video.cut_view(clip) for clip in range(video.num_views)])
