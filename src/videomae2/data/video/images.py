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

from videomae2.data.video.reader import (
    CHANNELS,
    COPY_AGAIN,
    Deadline,
    Frames,
    Pixels,
    Reader,
    ReadLimits,
    check_indices,
    check_size,
    check_window,
    compute_even_seconds,
    compute_shrunk_size,
    format_os_error,
)
from videomae2.errors import VideoError

if TYPE_CHECKING:
    from PIL.Image import Image

ImageArray = UInt8[np.ndarray, "height width channels"]
_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"}
_BILINEAR = 2  # pillow's bilinear filter, which averages when it shrinks
_SIXTEEN_BIT_MODES = {"I;16", "I;16L", "I;16B"}


class FrameFolder(Reader):
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
        names = _list_images(self._path)
        if frame_name is None:
            count = check_window(path, first, frames, len(names))
            self._names = names[first : first + count]
        else:
            self._names = _list_template_names(self._path, frame_name, first, frames, set(names))
        if len(self._names) > limits.max_frames:
            raise VideoError(path, f"it has more than the limit of {limits.max_frames} frames")
        self.num_frames = len(self._names)
        self.seconds = compute_even_seconds(self.num_frames, frame_rate)

    def read(self, indices: Sequence[int]) -> Frames:
        check_indices(self._path, indices, self.num_frames)
        if not indices:
            return self.read([0])[:0]
        deadline = Deadline(self._path, self._limits.timeout_seconds)
        images: dict[int, ImageArray] = {}
        for index in dict.fromkeys(indices):
            deadline.check()
            images[index] = self._load_image(self._names[index])
            if len(images) == 1:
                check_size(self._path, len(indices), images[index].shape, self._limits)
            self._check_shape(images, index, indices[0])
        return np.stack([images[index] for index in indices])

    def _check_shape(self, images: dict[int, ImageArray], index: int, reference: int) -> None:
        (height, width, _), (reference_height, reference_width, _) = (
            images[index].shape,
            images[reference].shape,
        )
        if (height, width) != (reference_height, reference_width):
            raise VideoError(
                self._path / self._names[index],
                f"it is {width}x{height}, while {self._names[reference]} is "
                f"{reference_width}x{reference_height}",
            )

    def _load_image(self, name: str) -> ImageArray:
        # libjpeg through pillow is what every other tool gives; FFmpeg's MJPEG decoder takes half
        # the time and differs by up to 9 levels, since it spreads colour more coarsely.
        from PIL import Image

        path = self._path / name
        try:
            with Image.open(path) as image:
                if image.width * image.height > self._limits.max_pixels:
                    limit = self._limits.max_pixels
                    raise VideoError(path, f"it has more than the limit of {limit} pixels")
                return _convert_image(image, path, self._pixels, self._limits.max_short_side)
        except FileNotFoundError as error:
            raise VideoError(path, f"this frame is missing; {COPY_AGAIN}") from error
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise VideoError(
                path, f"this image cannot be read: {format_os_error(error)}; {COPY_AGAIN}"
            ) from error


def _convert_image(
    image: "Image", path: Path, pixels: Pixels, max_short_side: int | None
) -> ImageArray:
    from PIL import Image, ImageOps

    mode = {"rgb": "RGB", "gray": "L"}[pixels]
    height, width = compute_shrunk_size((image.height, image.width), max_short_side)
    # A JPEG gives its grey plane, or an eighth to a half of its size, for less work.
    image.draft(mode, (width, height))
    if image.mode in _SIXTEEN_BIT_MODES:
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise VideoError(path, "its pixels are 32-bit numbers, which have no agreed range")
    image = ImageOps.exif_transpose(image.convert(mode).resize((width, height), _BILINEAR))
    return np.asarray(image).reshape(image.height, image.width, CHANNELS[pixels])


def _list_images(folder: Path) -> list[str]:
    """List the images of a folder, in the order of the numbers in their names."""
    try:
        names = [
            name for name in os.listdir(folder) if Path(name).suffix.lower() in _IMAGE_SUFFIXES
        ]
    except OSError as error:
        raise VideoError(
            folder, f"the folder cannot be listed: {format_os_error(error)}"
        ) from error
    if not names:
        raise VideoError(folder, "the folder has no images; name the folder right above them")
    return sorted(names, key=_number_sort_key)


def _number_sort_key(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _list_template_names(
    folder: Path, frame_name: str, first: int, frames: int | None, names_in_folder: Iterable[str]
) -> list[str]:
    """Name the files of a template; each must be there."""
    present = set(names_in_folder)
    if frames is not None:
        names = [_format_frame_name(folder, frame_name, first + i) for i in range(frames)]
    else:
        names, number = [], first
        while (name := _format_frame_name(folder, frame_name, number)) in present:
            names.append(name)
            number += 1
        names = names or [name]
    missing = next((name for name in names if name not in present), None)
    if missing is not None:
        known = sorted(present, key=_number_sort_key)
        raise VideoError(
            folder / missing, f"this frame is missing; there are {known[0]} .. {known[-1]}"
        )
    return names


def _format_frame_name(folder: Path, frame_name: str, number: int) -> str:
    try:
        if frame_name.format(number) != frame_name.format(number + 1):
            return frame_name.format(number)
    except (ValueError, LookupError):
        pass
    reason = f"frame_name {frame_name!r} is no name with one number, such as img_{{:05}}.jpg"
    raise VideoError(folder, reason)
