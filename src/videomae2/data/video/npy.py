"""Read frames from an array on disk, which has no clock of its own.

Axes: frames, height, width, channels.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from videomae2.data.video.reader import (
    COPY_AGAIN,
    Frames,
    Reader,
    ReadLimits,
    check_indices,
    check_size,
    compute_even_seconds,
    compute_shrunk_size,
    format_os_error,
)
from videomae2.errors import VideoError

_BILINEAR = 2  # pillow's bilinear filter, which averages when it shrinks


class NpyFile(Reader):
    """A `Reader` of an `.npy` file: uint8 [frames, height, width, channels], any channels."""

    def __init__(self, path: Path | str, *, limits: ReadLimits, frame_rate: float | None) -> None:
        self._path, self._limits = path, limits
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise VideoError(
                path, f"it is no whole .npy file: {format_os_error(error)}; {COPY_AGAIN}"
            ) from error
        if array.ndim != 4 or array.dtype != np.uint8 or array.size == 0:
            raise VideoError(
                path,
                f"it holds {array.dtype} {list(array.shape)}, wanted uint8 "
                "[frames, height, width, channels]",
            )
        # still the file, let go with its last view, but indexing gives a plain array
        self._array = np.asarray(array)
        self.num_frames = len(array)
        self.seconds = compute_even_seconds(self.num_frames, frame_rate)

    def read(self, indices: Sequence[int]) -> Frames:
        check_indices(self._path, indices, self.num_frames)
        check_size(self._path, len(indices), self._array.shape[1:], self._limits)
        frames = self._array[list(indices)]
        return _shrink_frames(frames, self._limits.max_short_side)


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
