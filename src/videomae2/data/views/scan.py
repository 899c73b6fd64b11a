"""What a reading process does for a long video: give its frames part by part, each decoded once.

The process keeps the video open from one part to the next. No torch here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from videomae2.data.video.reader import (
    Frames,
    FrameShape,
    Pixels,
    Reader,
    ReadLimits,
    Seconds,
)
from videomae2.data.video.trim import open_video
from videomae2.data.views.requests import VideoRequest
from videomae2.data.workers.main import AllocateFn
from videomae2.data.workers.pool import Pool
from videomae2.errors import VideoError, VideoTimeoutError

SCAN_FUNCTION = "videomae2.data.views.scan:read_part"
_CHUNK_BYTES = 32 * 2**20
_CHUNK_FRAMES = 64
_MAX_TRIED = 16  # images that are tried for the size of a frame


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
    start_seconds: float
    """When players show the first frame."""


class ScanPart(NamedTuple):
    """The next frames of a scan; what is damaged is left out."""

    indices: tuple[int, ...]
    """Of the frames that are there."""
    frames: Frames
    last: int
    """The last index that was asked for."""
    error: VideoError | None
    """Why others are not there."""


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
    meta = result.meta
    return ScanInfo(meta["num_frames"], seconds, meta["shape"], meta["start_seconds"])


def iterate_scan(
    pool: Pool, request: ScanRequest, indices: Sequence[int], shape: FrameShape
) -> Iterator[ScanPart]:
    """Yield the frames of a video with their indices, a bounded part at a time.

    The frames of a part are overwritten once the next one is asked for. Indices rise without
    repeats; the pool has one worker that runs ``SCAN_FUNCTION``, and the shape is ``open_scan``'s.

    Raises:
        VideoError: If a part cannot be read at all; parts before it were yielded.
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
        requested, lost = result.request.indices or (), result.meta["lost"]
        yield ScanPart(
            tuple(index for index in requested if index not in lost),
            result.arrays["frames"],
            requested[-1],
            VideoError(*result.meta["problem"]) if lost else None,
        )


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
        shape = _read_shape(reader) if isinstance(reader, Reader) else reader.shape
        return {"seconds": np.zeros(0) if seconds is None else seconds}, {
            "has_timestamps": seconds is not None,
            "num_frames": reader.num_frames,
            "start_seconds": reader.start_seconds,
            "shape": shape,
        }
    frames, lost, problem = _read_intact(request.path, reader, request.indices)
    out = allocate(frames.shape, np.uint8)
    np.copyto(out, frames)
    return {"frames": out}, {"lost": lost, "problem": problem}


def _read_shape(reader: Reader) -> tuple[int, ...]:
    """The size of the first frame that can be read, of some."""
    for index in range(min(_MAX_TRIED, reader.num_frames) - 1):
        try:
            return reader.read([index]).shape[1:]
        except VideoTimeoutError:
            raise
        except VideoError:
            continue
    return reader.read([min(_MAX_TRIED, reader.num_frames) - 1]).shape[1:]


def _read_intact(
    path: str, reader: Any, indices: Sequence[int]
) -> tuple[Frames, list[int], tuple[str, str]]:
    """The frames that are there, the indices of those that are not, and path and reason of one."""
    if not isinstance(reader, Reader):
        frames, lost = reader.read_intact(indices)
        reason = f"frame {lost[0] if lost else -1} of {reader.num_frames} cannot be decoded"
        return frames, lost, (path, reason)
    try:
        return reader.read(indices), [], (path, "")
    except VideoTimeoutError:
        raise
    except VideoError:
        pass  # of images each is a file of its own
    intact: dict[int, Frames] = {}
    problem = (path, "")
    for index in indices:
        try:
            intact[index] = reader.read([index])
        except VideoError as error:
            problem = (error.path, error.reason)
    frames = np.concatenate(list(intact.values()) or [np.empty((0, 1, 1, 1), np.uint8)])
    return frames, [index for index in indices if index not in intact], problem


# One process reads one video: the last reader stays open until it ends.
@lru_cache(maxsize=1)
def _open_sequential(request: ScanRequest) -> Any:
    """A ``VideoStream``, or of a folder or an array, where every frame is as near, a ``Reader``."""
    # not before a video is read: the command that asks for one starts without FFmpeg
    from videomae2.data.video.pyav_reader import VideoFile
    from videomae2.data.video.stream import VideoStream

    reader = open_video(request.entry, request)

    if not isinstance(reader, VideoFile):
        return reader
    reader.close()
    return VideoStream(request.path, pixels=request.pixels, limits=request.limits)
