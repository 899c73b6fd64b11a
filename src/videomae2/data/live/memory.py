"""Frames that the caller has read: all at once as an array, or one after the other.

Axes: frames, height, width, channels.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from videomae2.data.video.images import (
    SIXTEEN_BIT_MODES,
    ImageArray,
    convert_image,
    translate_image_errors,
)
from videomae2.data.video.npy import guess_other_axes, has_channels_first
from videomae2.data.video.reader import Frames, Reader, check_indices, compute_even_seconds
from videomae2.data.video.trim import ReaderOptions
from videomae2.errors import VideoError

if TYPE_CHECKING:
    from PIL.Image import Image

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
    """All frames as an array, where they are an array or a tensor; None if they come singly.

    Raises:
        ValueError: They are nothing that frames come from.
    """
    if _is_picture(frames):
        raise ValueError(
            "found one picture of Pillow, wanted several: a list of them, or "
            "PIL.ImageSequence.Iterator(picture) for its pages"
        )
    if hasattr(frames, "read"):
        raise ValueError(
            f"found an open file ({type(frames).__name__}), which is not read; give its path"
        )
    if hasattr(frames, "__array__"):
        return _read_array(frames, "frames are", "[frames, height, width, channels]")
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


def check_frame(
    frame: Any, index: int, options: ReaderOptions, bits: int | None
) -> UInt8[np.ndarray, "1 height width channels"]:
    """One frame of the caller: [height, width, channels], grey [height, width], or of Pillow.

    Pictures of Pillow become what they would be if they were read from a file.

    Args:
        frame: As it came.
        index: Its number.
        options: How pictures of Pillow are read.
        bits: Likewise: how many are used of those that have 16; None if nobody said.

    Raises:
        ValueError: It is of another type or shape, or has 16 bits and nobody said how many it uses.
        VideoError: It is a picture that cannot be read.
    """
    if _is_picture(frame):
        return np.array(_convert_picture(frame, index, options, bits))[None]
    name, axes = f"frame {index} is", "[height, width, channels]"
    array = _read_array(frame, name, axes)
    shape = list(array.shape)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or 0 in shape:
        raise ValueError(f"{name} {array.dtype} {shape}, wanted uint8 {axes}")
    if has_channels_first(array.shape):
        raise ValueError(
            f"{name} of shape {shape}, which looks like [channels, height, width]; put the "
            "channels last: frame.transpose(1, 2, 0), of a tensor frame.permute(1, 2, 0)"
        )
    # PyTorch takes no negative strides, such as of BGR turned round, and warns of what is read-only
    array = np.require(array, requirements=("C", "W"))
    return array[None] if array.ndim == 3 else array[None, :, :, None]


def _is_picture(value: Any) -> bool:
    """Whether it is of Pillow; where that was never imported, nothing is."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(value, pillow.Image)


def _convert_picture(
    picture: "Image", index: int, options: ReaderOptions, bits: int | None
) -> ImageArray:
    name = f"frame {index} of {FRAMES_NAME}"
    if picture.mode in SIXTEEN_BIT_MODES and bits is None:
        raise ValueError(
            f"frame {index} has 16 bits, of which cameras often use fewer; say how many to "
            "Predictor, as in bits=12"
        )
    with translate_image_errors(name):
        picture.load()  # else what is spared in reading it would be spared in the caller's picture
        short_side = options.limits.max_short_side
        return convert_image(picture, name, options.pixels, short_side, bits or 16)


def _read_array(values: Any, name: str, axes: str) -> np.ndarray:
    """What numpy makes of an array, or of a tensor wherever it is and whatever it has beside.

    Raises:
        ValueError: It makes no numbers of it.
    """
    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu()
            if str(values.dtype) != "torch.uint8":  # numpy has no bf16, among others
                raise ValueError(f"{name} {values.dtype} {list(values.shape)}, wanted uint8 {axes}")
        array = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        if str(error).startswith(name):
            raise
        reason = (str(error).splitlines() or ["no array"])[0]
        raise ValueError(f"{name} no array of numbers ({reason}), wanted uint8 {axes}") from error
    if array.dtype.kind in "OSUV":
        raise ValueError(f"{name} of the type {type(values).__name__}, wanted uint8 {axes}")
    return array


def gather_frames(frames: Iterable[Any], options: ReaderOptions, bits: int | None) -> Frames:
    """All frames that come one after the other, in one array; arguments as of ``check_frame``.

    Raises:
        ValueError: One is of another type, or of another size than the first; none came.
        VideoError: They need more memory than a video may, or one cannot be read.
    """
    rows: list[Frames] = []
    num_bytes = 0
    for index, frame in enumerate(frames):
        row = check_frame(frame, index, options, bits)
        if rows and row.shape != rows[0].shape:
            size, first = list(row.shape[1:]), list(rows[0].shape[1:])
            raise ValueError(f"frame {index} is {size}, the first one is {first}")
        num_bytes += row.nbytes
        if num_bytes > options.limits.max_bytes:
            raise VideoError(
                FRAMES_NAME,
                f"{index + 1} frames are more than the limit of {options.limits.max_bytes} bytes; "
                "give them to Predictor.stream, which keeps only those of open windows",
            )
        rows.append(row.copy())  # the caller may read the next one into the same memory
    if not rows:
        raise ValueError("no frame came")
    return np.concatenate(rows)
