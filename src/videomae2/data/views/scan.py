"""What a reading process does for a long video: give its frames part by part, each decoded once.

The process keeps the video open from one part to the next. No torch here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from videomae2.data.video.reader import Frames, Pixels, Reader, ReadLimits, Seconds
from videomae2.data.video.stream import FrameShape, VideoStream
from videomae2.data.video.trim import open_video
from videomae2.data.views.requests import VideoRequest
from videomae2.data.workers.main import AllocateFn
from videomae2.data.workers.pool import Pool

SCAN_FUNCTION = "videomae2.data.views.scan:read_part"
_CHUNK_BYTES = 32 * 2**20
_CHUNK_FRAMES = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanRequest(VideoRequest):
    """A part of a long video."""

    pixels: Pixels
    limits: ReadLimits
    """Its time counts for opening the video, and for every part."""
    frame_name: str | None = None
    frame_rate: float | None = None
    indices: tuple[int, ...] | None = None
    """Which frames, rising, all after those of the part before; None: what there is."""


@dataclass(frozen=True, slots=True)
class ScanInfo:
    """What there is to scan."""

    num_frames: int
    seconds: Seconds | None
    """When each frame is shown; None if the video has no clock."""
    shape: FrameShape
    """Height, width and channels of a frame."""


def open_scan(pool: Pool, request: ScanRequest) -> ScanInfo:
    """Open a video in the reading process of a pool with one worker.

    Raises:
        VideoError: If it cannot be opened.
    """
    (result,) = pool.map([replace(request, indices=None)])
    if result.error is not None:
        raise result.error
    assert result.arrays is not None
    seconds = result.arrays["seconds"].copy() if result.meta["has_timestamps"] else None
    return ScanInfo(result.meta["num_frames"], seconds, result.meta["shape"])


def iterate_scan(
    pool: Pool, request: ScanRequest, indices: Sequence[int], shape: FrameShape
) -> Iterator[tuple[tuple[int, ...], Frames]]:
    """Yield the frames of a video with their indices, a bounded part at a time.

    The frames of a part are overwritten once the next one is asked for. Indices rise without
    repeats; the pool has one worker that runs ``SCAN_FUNCTION``, and the shape is ``open_scan``'s.

    Raises:
        VideoError: If a part cannot be read; parts before it were yielded.
    """
    count = max(1, min(_CHUNK_FRAMES, _CHUNK_BYTES // int(np.prod(shape))))
    requests = (
        replace(request, indices=tuple(indices[first : first + count]))
        for first in range(0, len(indices), count)
    )
    for result in pool.map(requests):
        if result.error is not None:
            raise result.error
        assert result.arrays is not None
        yield result.request.indices or (), result.arrays["frames"]


def read_part(
    request: ScanRequest, allocate: AllocateFn
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Read some frames, or say what there is (``iterate_scan`` and ``open_scan`` ask for it).

    Raises:
        VideoError: If that cannot be done.
    """
    reader = _open_sequential(replace(request, indices=None))
    if request.indices is None:
        seconds = reader.seconds
        shape = reader.shape if isinstance(reader, VideoStream) else reader.read([0]).shape[1:]
        return {"seconds": np.zeros(0) if seconds is None else seconds}, {
            "has_timestamps": seconds is not None,
            "num_frames": reader.num_frames,
            "shape": shape,
        }
    frames = reader.read(request.indices)
    out = allocate(frames.shape, np.uint8)
    np.copyto(out, frames)
    return {"frames": out}, {}


# One process reads one video: the last reader stays open until it ends.
@lru_cache(maxsize=1)
def _open_sequential(request: ScanRequest) -> VideoStream | Reader:
    """A reader that likes rising indices; in a folder or an array every frame is as near."""
    reader = open_video(request.entry, request)
    from videomae2.data.video.pyav_reader import VideoFile

    if not isinstance(reader, VideoFile):
        return reader
    reader.close()
    return VideoStream(request.path, pixels=request.pixels, limits=request.limits)
