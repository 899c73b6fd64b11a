"""What every reading process does first: open a video of a list, and refuse what cannot serve.

No torch here.
"""

from typing import Protocol, runtime_checkable

from videomae2.data.manifest import Entry
from videomae2.data.readers import Pixels, Reader, ReadLimits, Seconds, open_reader
from videomae2.errors import VideoError

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
        raise VideoError(path, f"its frames have {num_channels} channels, the model reads {expected}")
