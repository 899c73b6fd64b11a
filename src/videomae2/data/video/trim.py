"""Open a video of a list, or a window of one: consecutive frames, counted from 0 again.

What every reading process does first; what cannot serve is refused. No torch here.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from videomae2.data.manifests.manifest import Entry
from videomae2.data.video.reader import (
    Frames,
    Pixels,
    Reader,
    ReadLimits,
    Seconds,
    check_indices,
    check_window,
    open_reader,
)
from videomae2.data.views.jumps import format_jumps, list_jumps, usual_frame_duration
from videomae2.data.views.sampling import compute_duration
from videomae2.errors import VideoError


class TrimmedReader(Reader):
    """Some consecutive frames of a reader, as a reader."""

    def __init__(self, reader: Reader, first: int, count: int, path: Path | str) -> None:
        self._reader, self._first, self._path = reader, first, path
        self.num_frames, seconds = count, reader.seconds
        self.start_seconds = reader.start_seconds
        self.start_seconds += 0.0 if seconds is None else float(seconds[first])
        self.seconds = None if seconds is None else seconds[first : first + count] - seconds[first]

    def read(self, indices: Sequence[int]) -> Frames:
        check_indices(self._path, indices, self.num_frames)
        return self._reader.read([self._first + index for index in indices])

    def close(self) -> None:
        self._reader.close()


def trim_reader(reader: Reader, path: Path | str, first: int, frames: int | None) -> Reader:
    """Give a window of a reader, which is closed with it.

    Raises:
        VideoError: If the window reaches beyond the video or is empty.
    """
    try:
        count = check_window(path, first, frames, reader.num_frames)
    except VideoError:
        reader.close()
        raise
    return TrimmedReader(reader, first, count, path)


def trim_seconds(reader: Reader, path: str, start: float, stop: float) -> Reader:
    """Give the frames that players show from one moment until before another, one at least.

    An end behind that of the video is the video's: annotations are often a little longer. Where no
    frame begins in the window, the next one is taken, or, if that is far, the one on show.

    Raises:
        VideoError: The video has no clock, does not last until the start or half of the window, or
            its clock jumps over half of the window.
    """
    try:
        seconds = require_timestamps(reader, path)
        first, end = _find_window(reader, seconds, path, float(start), float(stop))
    except VideoError:
        reader.close()
        raise
    return TrimmedReader(reader, first, end - first, path)


def _find_window(
    reader: Reader, seconds: Seconds, path: str, start: float, stop: float
) -> tuple[int, int]:
    """The first frame of a window, and the one behind its last."""
    frame_duration = usual_frame_duration(seconds)
    length = reader.start_seconds + compute_duration(seconds, frame_duration)
    window = f"its window is {start:g} to {stop:g} s"
    if stop == math.inf:
        window = f"its window is from {start:g} s"
    if (start if stop == math.inf else (start + stop) / 2) >= length:
        raise VideoError(
            path,
            f"{window}, and it lasts {length:.2f} s; are the times those of a longer video that "
            "it was cut from? Then leave their columns out",
        )
    low, high = np.array([start, min(stop, length)]) - reader.start_seconds
    margin = frame_duration * 0.02  # times are rounded in tables
    first, end = np.searchsorted(seconds, [low - margin, high - margin]).tolist()
    jumps = list_jumps(seconds)
    lost = sum(max(0.0, min(end, high) - max(begin, low)) for begin, end in jumps)
    if lost > (high - low) / 2 and end - first < len(seconds):
        raise VideoError(
            path, f"{window}, and {format_jumps(jumps)}; take the row off the list, or correct it"
        )
    if first == end:  # of a window between two frames the next one, unless that is far
        is_near = first < len(seconds) and seconds[first] - low <= frame_duration
        first = first if is_near or first == 0 else first - 1
    return first, max(first + 1, end)


_NO_TIMESTAMPS = (
    "it is a folder of images or an array, which has no clock, and its window or the frame "
    "interval counts in seconds; give its frame rate, or count in frames"
)


@runtime_checkable
class ReaderOptions(Protocol):
    """What opening a video of a list depends on."""

    @property
    def pixels(self) -> Pixels: ...
    @property
    def limits(self) -> ReadLimits: ...
    @property
    def frame_name(self) -> str | None: ...
    @property
    def frame_rate(self) -> float | None: ...


def open_video(entry: Entry, options: ReaderOptions) -> Reader:
    """The reader of a video of a list; raises VideoError."""
    reader = open_reader(
        entry.path,
        pixels=options.pixels,
        limits=options.limits,
        frame_name=options.frame_name if entry.is_frames else None,
        first=entry.first,
        frames=entry.frames,
        frame_rate=options.frame_rate,
        bits=entry.bits,
    )
    return reader if entry.seconds is None else trim_seconds(reader, entry.path, *entry.seconds)


def require_timestamps(reader: Reader, path: str) -> Seconds:
    """When each frame is shown.

    Raises:
        VideoError: The video has no clock.
    """
    if reader.seconds is None:
        raise VideoError(path, _NO_TIMESTAMPS)
    return reader.seconds


def fit_channels(
    path: Path | str, frames: Frames, expected: int
) -> UInt8[np.ndarray, "frames height width expected_channels"]:
    """Frames as the model reads them: of colour one becomes grey, of grey one becomes colour.

    Files are decoded so already; arrays and frames of the caller are what they are.

    Raises:
        VideoError: They have another number of channels.
    """
    num_channels = frames.shape[3]
    check_channels(path, num_channels, expected)
    if num_channels == expected:
        return frames
    if expected == 1:  # the weights and rounding of Pillow's grey
        weighted = frames.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32)
        return ((weighted + (1 << 15)) >> 16).astype(np.uint8)[..., None]
    return np.repeat(frames, expected, axis=3)


def check_channels(path: Path | str, num_channels: int, expected: int) -> None:
    """Refuse frames that the model cannot read, also as grey or as colour.

    Raises:
        VideoError: They have another number of channels.
    """
    if num_channels != expected and {num_channels, expected} != {1, 3}:
        raise VideoError(
            path, f"its frames have {num_channels} channels, the model reads {expected}"
        )
