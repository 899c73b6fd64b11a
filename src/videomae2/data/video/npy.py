"""Read frames from an array on disk, which has no clock of its own.

Axes: frames, height, width, channels.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import UInt8

from videomae2.base.file_kinds import is_regular_file
from videomae2.data.video.images import to_eight_bits
from videomae2.data.video.reader import (
    CHANNELS,
    COPY_AGAIN,
    Frames,
    Pixels,
    Reader,
    ReadLimits,
    check_indices,
    check_size,
    compute_even_seconds,
    compute_shrunk_size,
    format_os_error,
)
from videomae2.errors import VideoError

_MAX_COLOURS, _MAX_CHANNELS = 4, 16  # of frames; more than so many at the end are a width
_BILINEAR = 2  # pillow's bilinear filter, which averages when it shrinks


class NpyFile(Reader):
    """A `Reader` of an `.npy` file: [frames, height, width, channels], any channels, or grey.

    uint8, or uint16 of which the upper 8 of ``bits`` are taken. Read piece by piece: a file that is
    cut while it is mapped into memory would end the process.
    """

    def __init__(
        self, path: Path | str, *, pixels: Pixels, limits: ReadLimits, frame_rate: float | None,
        bits: int,
    ) -> None:  # fmt: skip
        self._path, self._limits, self._bits = path, limits, bits
        self._dtype, shape, self._offset = read_npy_header(path)
        self._repeats = CHANNELS[pixels] if len(shape) == 3 else 1
        self._shape = (*shape[1:], 1) if len(shape) == 3 else shape[1:]
        self.num_frames = shape[0]
        if self.num_frames > limits.max_frames:
            raise VideoError(path, f"it has more than the limit of {limits.max_frames} frames")
        self.seconds = compute_even_seconds(self.num_frames, frame_rate)

    def read(self, indices: Sequence[int]) -> Frames:
        check_indices(self._path, indices, self.num_frames)
        height, width, channels = self._shape
        shape = (height, width, channels * self._repeats)
        check_size(self._path, len(indices), shape, self._limits)
        frames = np.empty((len(indices), *self._shape), np.uint8)
        try:
            with open(self._path, "rb") as file:
                for place, index in enumerate(indices):
                    frames[place] = self._read_frame(file, index)
        except OSError as error:
            raise VideoError(self._path, format_os_error(error)) from error
        return np.repeat(_shrink_frames(frames, self._limits.max_short_side), self._repeats, axis=3)

    def _read_frame(self, file: BinaryIO, index: int) -> UInt8[np.ndarray, "height width channels"]:
        size = math.prod(self._shape) * self._dtype.itemsize
        file.seek(self._offset + index * size)
        content = file.read(size)
        if len(content) < size:
            raise VideoError(self._path, f"it ends before frame {index}; {COPY_AGAIN}")
        values = np.frombuffer(content, self._dtype).reshape(self._shape)
        return values if self._dtype == np.uint8 else to_eight_bits(values, self._bits, self._path)


def read_npy_header(path: Path | str) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """The type and shape of an array that holds a video, and where in the file it begins.

    Raises:
        VideoError: It is no array, or holds none; the message says what is wanted.
    """
    if not is_regular_file(path):
        raise VideoError(path, "it is no file, wanted an .npy array")
    try:
        with open(path, "rb") as file:
            version = np.lib.format.read_magic(file)
            reader = {
                1: np.lib.format.read_array_header_1_0,
                2: np.lib.format.read_array_header_2_0,
            }
            shape, is_fortran, dtype = reader[version[0]](file)
            offset, size = file.tell(), os.fstat(file.fileno()).st_size
    except Exception as error:  # numpy parses the header as Python, which raises anything
        raise VideoError(path, f"it is no whole .npy file of numbers; {COPY_AGAIN}") from error
    is_video = dtype in (np.dtype("u1"), np.dtype("<u2"), np.dtype(">u2")) and len(shape) in (3, 4)
    if not is_video or is_fortran or min(shape) < 1:
        order = " in Fortran order" * is_fortran
        raise VideoError(
            path,
            f"it holds {dtype} {list(shape)}{order}, wanted uint8 or uint16 [frames, height, "
            "width, channels], or without channels where it is grey",
        )
    if guess := guess_other_axes(shape):
        raise VideoError(path, f"its shape {list(shape)} looks like {guess}")
    if size < offset + math.prod(shape) * dtype.itemsize:
        raise VideoError(path, f"it is no whole .npy file: it ends early; {COPY_AGAIN}")
    return dtype, shape, offset


def guess_other_axes(shape: tuple[int, ...]) -> str:
    """What a shape looks like, and what to do, if that is no [frames, height, width, channels]."""
    channels_last = "save it with the channels last: array.transpose"
    if len(shape) == 3 and shape[2] in (3, 4):
        return "one picture [height, width, channels]; a video has frames before: array[None]"
    if len(shape) != 4 or shape[3] <= _MAX_COLOURS:
        return ""
    if has_channels_first(shape[1:]):
        return f"[frames, channels, height, width]; {channels_last}(0, 2, 3, 1)"
    if shape[0] in (1, 3) and shape[3] > _MAX_CHANNELS:
        return f"[channels, frames, height, width]; {channels_last}(1, 2, 3, 0)"
    return ""


def has_channels_first(shape: tuple[int, ...]) -> bool:
    """Whether the shape of a picture looks like [channels, height, width]."""
    return len(shape) == 3 and shape[0] in (1, 3) and shape[2] > _MAX_COLOURS


def _shrink_frames(
    frames: Frames, max_short_side: int | None
) -> UInt8[np.ndarray, "frames less_height less_width channels"]:
    height, width = compute_shrunk_size((frames.shape[1], frames.shape[2]), max_short_side)
    if (height, width) == frames.shape[1:3]:
        return frames
    from PIL import Image

    small = np.empty((len(frames), height, width, frames.shape[3]), np.uint8)
    for i, frame in enumerate(frames):
        for channel in range(frame.shape[2]):  # pillow knows no other numbers of channels
            plane = Image.fromarray(np.ascontiguousarray(frame[:, :, channel]))
            small[i, :, :, channel] = np.asarray(plane.resize((width, height), _BILINEAR))
    return small
