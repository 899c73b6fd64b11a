"""Decoded frames into one array: upright, of one size, in one kind of pixels.

Axes: frames, height, width, channels.
"""

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from videomae2.data.video.reader import (
    CHANNELS,
    Frames,
    Pixels,
    ReadLimits,
    check_size,
    compute_shrunk_size,
)
from videomae2.errors import VideoError


class Rotation(NamedTuple):
    """How to bring a picture upright: first swap height and width, then step along each."""

    swap: bool = False
    down: int = 1
    right: int = 1


FrameSize = tuple[int, int]
"""Height and width of a picture as it is coded, before it is turned."""


def coded_size(frame: VideoFrame) -> FrameSize:
    """Give the size of a frame as it is coded."""
    return frame.height, frame.width


def shown_size(size: FrameSize, pixel_aspect: Fraction, limits: ReadLimits) -> FrameSize:
    """The size at which players show a picture as coded, where that is wanted."""
    height, width = size
    return (height, max(1, round(width * pixel_aspect))) if limits.square_pixels else size


def read_rotation(frame: VideoFrame) -> Rotation:
    """Read from a frame's display matrix how it is shown: turned by quarters, mirrored.

    The matrix sends a point (x, y) to (a x + c y, b x + d y); of a slanted one, the nearest
    quarter counts. Source: `libavutil/display.h` of FFmpeg.
    """
    try:
        side_data: Any = frame.side_data  # PyAV's own types are wrong here
        matrix = side_data["DISPLAYMATRIX"]
    except (KeyError, ValueError):  # ValueError: there is data of a kind that PyAV has no name for
        return Rotation()
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    swap = abs(b) > abs(a)
    down, right = (b, c) if swap else (d, a)
    return Rotation(swap, -1 if down < 0 else 1, -1 if right < 0 else 1)


class FrameBuffer:
    """The array that one read gives back, painted frame by frame."""

    def __init__(
        self,
        path: str,
        count: int,
        size: FrameSize,
        rotation: Rotation,
        *,
        pixels: Pixels,
        limits: ReadLimits,
    ) -> None:
        self._size, self._rotation = compute_shrunk_size(size, limits.max_short_side), rotation
        self._format = {"rgb": "rgb24", "gray": "gray"}[pixels]
        self._path, self._scaler = path, VideoReformatter()
        height, width = self._size[::-1] if rotation.swap else self._size
        shape = (count, height, width, CHANNELS[pixels])
        check_size(path, count, shape[1:], limits)
        self.frames: Frames = np.empty(shape, np.uint8)

    def write(self, row: int, frame: VideoFrame) -> None:
        """Convert a frame and put it in its place, in one pass of the scaler and one copy."""
        try:
            # One thread: by default the scaler starts as many as there are cores, for each frame.
            height, width = self._size
            converted = self._scaler.reformat(frame, width, height, self._format, threads=1)
        except (ValueError, OSError) as error:
            reason = f"frames of kind {frame.format.name} cannot be turned into {self._format}"
            raise VideoError(self._path, reason) from error
        image = converted.to_ndarray()
        swap, down, right = self._rotation
        image = image.swapaxes(0, 1) if swap else image
        row_shape = self.frames.shape[1:]
        self.frames[row] = image[::down, ::right].reshape(row_shape)
