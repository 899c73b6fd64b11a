"""Frames by number, from a video file, a folder of frame images or an array file.

Axes: frames, height, width, channels.
"""

import math
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
from jaxtyping import Float64, UInt8

from videomae2.base.files import path_hint
from videomae2.base.names import path_of_uri
from videomae2.base.text import format_count
from videomae2.data.live.sources import hide_password, is_address
from videomae2.errors import VideoError, VideoTimeoutError

Pixels = Literal["rgb", "gray"]
"""Colour of the frames that are read: three channels or one."""

Frames = UInt8[np.ndarray, "frames height width channels"]
Seconds = Float64[np.ndarray, " frames"]
FrameShape = tuple[int, int, int]
"""Height, width and channels."""
CHANNELS: dict[Pixels, int] = {"rgb": 3, "gray": 1}
COPY_AGAIN = "copy it here again"
CONVERT = "convert it, as with: ffmpeg -i OLD NEW.mp4"
"""What helps with a file that cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadLimits:
    """What reading one video may cost; above a limit it is a `VideoError`."""

    timeout_seconds: float = 30.0
    """Time for opening a video and its first read together, and for every later read."""
    max_frames: int = 1_000_000
    """A video with more frames is taken to be endless."""
    max_bytes: int = 2 * 1024**3
    """Size of the frames that one read gives back."""
    max_pixels: int = 8192 * 8192
    """Size of one frame, before it is shrunk."""
    max_short_side: int | None = None
    """Shrink frames until their short side is at most this many pixels; the aspect stays."""
    square_pixels: bool = False
    """Give frames as players show them, where their pixels are not square, not as stored."""


class Reader:
    """Exact frames for exact indices; raises `VideoError` and nothing else."""

    num_frames: int
    seconds: Seconds | None
    """When each frame is shown, counted from the first; None if nothing tells the time."""
    start_seconds: float = 0.0
    """When players show the first frame, which may come after the sound."""

    def read(self, indices: Sequence[int]) -> Frames:
        """Give the frames with these indices, in this order; any order, repeats allowed."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the file, if one is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def open_reader(
    path: Path | str,
    *,
    pixels: Pixels = "rgb",
    limits: ReadLimits | None = None,
    frame_name: str | None = None,
    first: int = 0,
    frames: int | None = None,
    frame_rate: float | None = None,
    bits: int | None = None,
) -> Reader:
    """Open what the path names: a folder of frame images, an `.npy` array, else a video file.

    Args:
        path: On this machine; a FIFO, socket or device is refused before it is opened.
        pixels: Colour of video files and images; an array comes as it was stored.
        limits: The defaults of `ReadLimits` if left out.
        frame_name: For a folder, how its files are called, e.g. `img_{:05}.jpg`; without it,
            every image there in the order of the numbers in its name.
        first: The frame that becomes index 0: a frame number, or with `frame_name` the number
            in the name of the first file.
        frames: How many frames from there; all there are if left out.
        frame_rate: Frames per second of a folder or an array, which do not tell it; without it
            they have no `seconds`. A video file goes by its own times.
        bits: How many bits are used of images and arrays of 16; the upper 8 of them are read. Found
            out from a frame in the middle if left out.

    Raises:
        VideoError: If it cannot be opened, is over a limit, or has no frames `first` ...
    """
    # Each kind is imported when it is met: whoever reads arrays here loads no FFmpeg.
    limits = limits or ReadLimits()
    mode = read_file_mode(path)
    if bits is None:
        from videomae2.data.manifests.bit_depth import find_bits_of_video

        bits = (find_bits_of_video(path) or (16, 0))[0]
    if stat.S_ISDIR(mode):
        from videomae2.data.video.images import FrameFolder

        return FrameFolder(
            path,
            pixels=pixels,
            limits=limits,
            frame_name=frame_name,
            first=first,
            frames=frames,
            frame_rate=frame_rate,
            bits=bits,
        )
    if not stat.S_ISREG(mode):
        raise VideoError(path, "it is a pipe, socket or device, wanted a file or a folder")
    if frame_name is not None:
        raise VideoError(path, f"frame_name {frame_name!r} needs a folder, and this is a file")
    reader = _open_file(path, pixels, limits, frame_rate=frame_rate, bits=bits)
    if first == 0 and frames is None:
        return reader
    from videomae2.data.video.trim import trim_reader

    return trim_reader(reader, path, first, frames)


def _open_file(
    path: Path | str, pixels: Pixels, limits: ReadLimits, *, frame_rate: float | None, bits: int
) -> Reader:
    name = os.fspath(path)
    if name.endswith(".npy"):
        from videomae2.data.video.npy import NpyFile

        return NpyFile(path, pixels=pixels, limits=limits, frame_rate=frame_rate, bits=bits)
    if name.lower().endswith((".tif", ".tiff")):
        from videomae2.data.video.pages import PagedImage

        return PagedImage(path, pixels=pixels, limits=limits, frame_rate=frame_rate, bits=bits)
    from videomae2.data.video.pyav_reader import VideoFile

    return VideoFile(path, pixels=pixels, limits=limits)


def read_file_mode(path: Path | str) -> int:
    """What the path names, as ``stat`` says it.

    Raises:
        VideoError: There is nothing.
    """
    try:
        return os.stat(path).st_mode
    except FileNotFoundError as error:
        if is_address(str(path)) and path_of_uri(str(path)) == str(path):
            raise VideoError(
                hide_password(str(path)),
                "it is an address, no file; save it as a file first, or give it alone to predict",
            ) from error
        hint = path_hint(Path(path))
        raise VideoError(path, f"there is no such file or folder{hint}") from error
    except (OSError, ValueError) as error:
        raise VideoError(path, f"it cannot be opened: {format_os_error(error)}") from error


def compute_even_seconds(num_frames: int, frame_rate: float | None) -> Seconds | None:
    """When frames without times of their own are shown; None if their rate is not known."""
    return None if frame_rate is None else np.arange(num_frames) / frame_rate


def format_os_error(error: Exception) -> str:
    """Say an error of the operating system without its number and path."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def check_indices(path: Path | str, indices: Sequence[int], num_frames: int) -> None:
    """Refuse indices outside of the video.

    Raises:
        VideoError: Naming the first such index.
    """
    for index in indices:
        if not 0 <= index < num_frames:
            raise VideoError(
                path, f"frame {index} was asked for, it has frames 0..{num_frames - 1}"
            )


def check_window(path: Path | str, first: int, frames: int | None, num_frames: int) -> int:
    """Give the number of frames of a window of a video.

    Raises:
        VideoError: If the window reaches beyond the video or is empty.
    """
    count = num_frames - first if frames is None else frames
    if first < 0 or count < 1 or first + count > num_frames:
        expected = f"frames from {first}" if frames is None else f"{frames} frames from {first}"
        raise VideoError(
            path, f"{expected} were asked for, it has {format_count(num_frames, 'frame')}"
        )
    return count


def check_size(path: Path | str, count: int, shape: tuple[int, ...], limits: ReadLimits) -> None:
    """Refuse to make an array of `count` frames of this [height, width, channels].

    Raises:
        VideoError: Naming the limit.
    """
    if count * math.prod(shape) > limits.max_bytes:
        raise VideoError(
            path,
            f"{count} frames of {shape[1]}x{shape[0]} were asked for in one read, more than the "
            f"limit of {limits.max_bytes} bytes",
        )


def compute_shrunk_size(size: tuple[int, int], max_short_side: int | None) -> tuple[int, int]:
    """Give the (height, width) at which the short side is at most so many pixels."""
    short = min(size)
    if max_short_side is None or short <= max_short_side:
        return size
    height, width = (max(1, round(length * max_short_side / short)) for length in size)
    return height, width


class Deadline:
    """The moment when the time for a video is over."""

    def __init__(self, path: Path | str, seconds: float) -> None:
        self.path, self.seconds = path, seconds
        self._end = time.monotonic() + seconds

    def renew(self) -> None:
        """Count the time from now on again."""
        self._end = time.monotonic() + self.seconds

    @property
    def remaining(self) -> float:
        """Seconds left, at least a millisecond since FFmpeg takes 0 for no time at all."""
        return max(self._end - time.monotonic(), 0.001)

    def check(self) -> None:
        if time.monotonic() > self._end:
            raise self.build_error()

    def build_error(self) -> VideoTimeoutError:
        """What to raise when the time is over."""
        return VideoTimeoutError(
            self.path, f"reading took longer than the limit of {self.seconds:g} s"
        )
