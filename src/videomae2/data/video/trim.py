"""Open a video of a list, or a window of one: consecutive frames, counted from 0 again.

What every reading process does first; what cannot serve is refused. No torch here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

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
from videomae2.errors import VideoError


class TrimmedReader(Reader):
    """Some consecutive frames of a reader, as a reader."""

    def __init__(self, reader: Reader, first: int, count: int, path: Path | str) -> None:
        self._reader, self._first, self._path = reader, first, path
        self.num_frames, seconds = count, reader.seconds
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


_NO_TIMESTAMPS = (
    "it is a folder of images or an array, which has no clock, and the stride counts in seconds; "
    "give its frame rate, or count the stride in frames"
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
    return open_reader(
        entry.path,
        pixels=options.pixels,
        limits=options.limits,
        frame_name=options.frame_name if entry.is_frames else None,
        first=entry.first,
        frames=entry.frames,
        frame_rate=options.frame_rate,
    )


def require_timestamps(reader: Reader, path: str) -> Seconds:
    """When each frame is shown.

    Raises:
        VideoError: The video has no clock.
    """
    if reader.seconds is None:
        raise VideoError(path, _NO_TIMESTAMPS)
    return reader.seconds


def check_channels(path: str, num_channels: int, expected: int) -> None:
    """Refuse frames that the model cannot read.

    Raises:
        VideoError: They have another number of channels.
    """
    if num_channels != expected:
        raise VideoError(
            path, f"its frames have {num_channels} channels, the model reads {expected}"
        )
