"""Frames that the caller has read: all at once as an array, or one after the other.

Axes: frames, height, width, channels.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8

from videomae2.data.video.npy import guess_other_axes
from videomae2.data.video.reader import (
    Frames,
    Reader,
    ReadLimits,
    check_indices,
    compute_even_seconds,
)
from videomae2.errors import VideoError

FRAMES_NAME = "frames in memory"
"""What they are called in messages and results."""


class FramesInMemory(Reader):
    """A ``Reader`` of an array, without a copy."""

    def __init__(self, frames: Frames, frame_rate: float | None) -> None:
        self._frames, self.num_frames = frames, len(frames)
        self.seconds = compute_even_seconds(self.num_frames, frame_rate)

    def read(self, indices: Sequence[int]) -> Frames:
        check_indices(FRAMES_NAME, indices, self.num_frames)
        return self._frames[list(indices)]


def as_array(frames: Any) -> np.ndarray | None:
    """All frames as an array, where they are one, or a tensor on the CPU; None if they come singly.

    Raises:
        ValueError: They are nothing that frames come from.
    """
    if isinstance(frames, np.ndarray):
        return frames
    if hasattr(frames, "__array__"):
        return np.asarray(frames)
    if isinstance(frames, bytes | bytearray) or not hasattr(frames, "__iter__"):
        raise ValueError(
            f"found {type(frames).__name__}, wanted a path, an array of frames, or frames one "
            "after the other"
        )
    return None


def check_frames(frames: np.ndarray) -> Frames:
    """An array of the caller as frames; [frames, height, width] is grey.

    Raises:
        ValueError: It is of another type or shape, or holds none.
    """
    shape = list(frames.shape)
    if frames.dtype != np.uint8 or frames.ndim not in (3, 4) or 0 in shape:
        raise ValueError(
            f"frames are {frames.dtype} {shape}, wanted uint8 [frames, height, width, channels]"
        )
    if guess := guess_other_axes(frames.shape):
        raise ValueError(f"frames are of shape {shape}, which looks like {guess}")
    if frames.ndim == 3:
        return frames[..., None]
    return frames


def check_frame(frame: np.ndarray, index: int) -> UInt8[np.ndarray, "1 height width channels"]:
    """One frame of the caller, [height, width, channels] or grey [height, width].

    Raises:
        ValueError: It is of another type or shape.
    """
    array = np.asarray(frame)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or 0 in array.shape:
        raise ValueError(
            f"frame {index} is {array.dtype} {list(array.shape)}, wanted uint8 "
            "[height, width, channels]"
        )
    return array[None] if array.ndim == 3 else array[None, :, :, None]


def gather_frames(frames: Iterable[np.ndarray], limits: ReadLimits) -> Frames:
    """All frames that come one after the other, in one array.

    Raises:
        ValueError: One is of another type, or of another size than the first; none came.
        VideoError: They need more memory than a video may.
    """
    rows: list[Frames] = []
    num_bytes = 0
    for index, frame in enumerate(frames):
        row = check_frame(frame, index)
        if rows and row.shape != rows[0].shape:
            size, first = list(row.shape[1:]), list(rows[0].shape[1:])
            raise ValueError(f"frame {index} is {size}, the first one is {first}")
        num_bytes += row.nbytes
        if num_bytes > limits.max_bytes:
            raise VideoError(
                FRAMES_NAME,
                f"{index + 1} frames are more than the limit of {limits.max_bytes} bytes; "
                "give them to Predictor.stream, which keeps only those of open windows",
            )
        rows.append(row.copy())  # the caller may read the next one into the same memory
    if not rows:
        raise ValueError("no frame came")
    return np.concatenate(rows)
