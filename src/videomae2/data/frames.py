"""Read frames from a folder of images, which has no clock of its own.

Axes: frames, height, width, channels.
"""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from videomae2.data.readers import (
    CHANNELS,
    Deadline,
    Frames,
    Pixels,
    ReadLimits,
    check_indices,
    check_size,
    check_window,
    even_seconds,
    plain,
    shrunk,
)
from videomae2.errors import VideoError

if TYPE_CHECKING:
    from PIL.Image import Image

Picture = UInt8[np.ndarray, "height width channels"]

_IMAGES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"}
_SMOOTH = 2  # pillow's bilinear filter, which averages when it shrinks
_SIXTEEN_BITS = {"I;16", "I;16L", "I;16B"}


class FrameFolder:
    """A `Reader` of a folder with one image file per frame."""

    def __init__(
        self,
        path: Path | str,
        *,
        pixels: Pixels,
        limits: ReadLimits,
        frame_name: str | None,
        first: int,
        frames: int | None,
        frame_rate: float | None,
    ) -> None:
        self._path, self._pixels, self._limits = Path(path), pixels, limits
        there = _image_names(self._path)
        if frame_name is None:
            count = check_window(path, first, frames, len(there))
            self._names = there[first : first + count]
        else:
            self._names = _template_names(self._path, frame_name, first, frames, set(there))
        if len(self._names) > limits.max_frames:
            raise VideoError(path, f"it has more than the limit of {limits.max_frames} frames")
        self.num_frames = len(self._names)
        self.seconds = even_seconds(self.num_frames, frame_rate)

    def read(self, indices: Sequence[int]) -> Frames:
        check_indices(self._path, indices, self.num_frames)
        if not indices:
            return self.read([0])[:0]
        deadline = Deadline(self._path, self._limits.seconds)
        pictures: dict[int, Picture] = {}
        for index in dict.fromkeys(indices):
            deadline.check()
            pictures[index] = self._picture(self._names[index])
            if len(pictures) == 1:
                check_size(self._path, len(indices), pictures[index].shape, self._limits)
            self._check_shape(pictures, index, indices[0])
        return np.stack([pictures[index] for index in indices])

    def close(self) -> None:
        """Nothing stays open."""

    def __enter__(self) -> "FrameFolder":
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing stays open."""

    def _check_shape(self, pictures: dict[int, Picture], index: int, other: int) -> None:
        (height, width, _), (tall, wide, _) = pictures[index].shape, pictures[other].shape
        if (height, width) != (tall, wide):
            raise VideoError(
                self._path / self._names[index],
                f"it is {width}x{height}, while {self._names[other]} is {wide}x{tall}",
            )

    def _picture(self, name: str) -> Picture:
        # libjpeg through pillow is what every other tool gives; FFmpeg's MJPEG decoder takes half
        # the time and differs by up to 9 levels, since it spreads colour more coarsely.
        from PIL import Image

        path = self._path / name
        try:
            with Image.open(path) as image:
                if image.width * image.height > self._limits.max_pixels:
                    limit = self._limits.max_pixels
                    raise VideoError(path, f"it has more than the limit of {limit} pixels")
                return _converted(image, path, self._pixels, self._limits.shrink_side)
        except FileNotFoundError as error:
            raise VideoError(path, "this frame is missing") from error
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise VideoError(path, f"this image cannot be read: {plain(error)}") from error


def _converted(image: "Image", path: Path, pixels: Pixels, shrink_side: int | None) -> Picture:
    from PIL import Image, ImageOps

    mode = {"rgb": "RGB", "gray": "L"}[pixels]
    height, width = shrunk((image.height, image.width), shrink_side)
    # A JPEG gives its grey plane, or an eighth to a half of its size, for less work.
    image.draft(mode, (width, height))
    if image.mode in _SIXTEEN_BITS:
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise VideoError(path, "its pixels are 32-bit numbers, which have no agreed range")
    image = ImageOps.exif_transpose(image.convert(mode).resize((width, height), _SMOOTH))
    return np.asarray(image).reshape(image.height, image.width, CHANNELS[pixels])


def _image_names(folder: Path) -> list[str]:
    """List the images of a folder, in the order of the numbers in their names."""
    try:
        names = [name for name in os.listdir(folder) if Path(name).suffix.lower() in _IMAGES]
    except OSError as error:
        raise VideoError(folder, f"the folder cannot be listed: {plain(error)}") from error
    if not names:
        raise VideoError(folder, "the folder has no images")
    return sorted(names, key=_by_number)


def _by_number(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _template_names(
    folder: Path, frame_name: str, first: int, frames: int | None, there: Iterable[str]
) -> list[str]:
    """Name the files of a template; each must be there."""
    present = set(there)
    if frames is not None:
        names = [_filled(folder, frame_name, first + i) for i in range(frames)]
    else:
        names, number = [], first
        while (name := _filled(folder, frame_name, number)) in present:
            names.append(name)
            number += 1
        names = names or [name]
    missing = next((name for name in names if name not in present), None)
    if missing is not None:
        known = sorted(present, key=_by_number)
        raise VideoError(
            folder / missing, f"this frame is missing; there are {known[0]} .. {known[-1]}"
        )
    return names


def _filled(folder: Path, frame_name: str, number: int) -> str:
    try:
        if frame_name.format(number) != frame_name.format(number + 1):
            return frame_name.format(number)
    except (ValueError, LookupError):
        pass
    reason = f"frame_name {frame_name!r} is no name with one number, such as img_{{:05}}.jpg"
    raise VideoError(folder, reason)
