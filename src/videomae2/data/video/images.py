"""Read frames from a folder of images, which has no clock of its own.

Axes: frames, height, width, channels.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Integer, UInt8

from videomae2.data.video.frame_names import (
    FrameName,
    is_image,
    order_by_number,
    order_frames,
    parse_frame_name,
)
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
_BILINEAR = 2  # pillow's bilinear filter, which averages when it shrinks
SIXTEEN_BIT_MODES = {"I;16", "I;16L", "I;16B"}


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
        bits: int,
    ) -> None:
        self._path, self._pixels, self._limits, self._bits = Path(path), pixels, limits, bits
        self._names = _select_frames(self._path, frame_name, first, frames)
        if len(self._names) > limits.max_frames:
            raise VideoError(path, f"it has more than the limit of {limits.max_frames} frames")
        self.num_frames = len(self._names)
        self.seconds = compute_even_seconds(self.num_frames, frame_rate)

    def read(self, indices: Sequence[int]) -> Frames:
        check_indices(self._path, indices, self.num_frames)
        if not indices:
            return self.read([0])[:0]
        return stack_images(self._path, self._names, indices, self._limits, self._load_image)

    def _load_image(self, index: int) -> ImageArray:
        # libjpeg through pillow is what every other tool gives; FFmpeg's MJPEG decoder takes half
        # the time and differs by up to 9 levels, since it spreads colour more coarsely.
        path = self._path / self._names[index]
        with open_image(path, self._limits) as image:
            if (num_pages := getattr(image, "n_frames", 1)) > 1:
                raise VideoError(
                    path,
                    f"it has {num_pages} pages, and one is a frame here; name the file as a video "
                    "of its own, or save its pages as images",
                )
            return convert_image(image, path, self._pixels, self._limits.max_short_side, self._bits)


def stack_images(
    path: Path,
    names: Sequence[str],
    indices: Sequence[int],
    limits: ReadLimits,
    load: Callable[[int], ImageArray],
) -> Frames:
    """Load each of the named images of a video once, one at least; all of the first one's size.

    Raises:
        VideoError: They have not, the time is over, or ``load`` raises it.
    """
    deadline = Deadline(path, limits.timeout_seconds)
    images: dict[int, ImageArray] = {}
    reference = min(indices)
    for index in sorted(set(indices)):
        deadline.check()
        image = images[index] = load(index)
        if index == reference:
            check_size(path / names[index], len(indices), image.shape, limits)
        height, width, _ = images[reference].shape
        if image.shape[:2] != (height, width):
            raise VideoError(
                path / names[index],
                f"it is {image.shape[1]}x{image.shape[0]}, while {names[reference]} is "
                f"{width}x{height}",
            )
    return np.stack([images[index] for index in indices])


@contextmanager
def open_image(path: Path, limits: ReadLimits) -> Iterator["Image"]:
    """Open an image; whatever is wrong with it, also inside, is a `VideoError`."""
    from PIL import Image

    with translate_image_errors(path):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise VideoError(path, "it is a pipe, socket, device or folder, wanted an image")
        with Image.open(path) as image:
            if image.width * image.height > limits.max_pixels:
                raise VideoError(path, f"it has more than the limit of {limits.max_pixels} pixels")
            yield image


@contextmanager
def translate_image_errors(path: Path | str) -> Iterator[None]:
    """Turn whatever Pillow raises into a `VideoError` that a person understands."""
    try:
        yield
    except VideoError:
        raise
    except FileNotFoundError as error:
        raise VideoError(path, f"this frame is missing; {COPY_AGAIN}") from error
    except Exception as error:  # pillow's readers raise anything at all on damaged files
        reason = format_os_error(error).splitlines()[0]
        raise VideoError(path, f"this image cannot be read: {reason}; {COPY_AGAIN}") from error


def convert_image(
    image: "Image", path: Path | str, pixels: Pixels, max_short_side: int | None, bits: int
) -> ImageArray:
    """The pixels of an image, turned as its EXIF says; of 16-bit ones the upper 8 of ``bits``."""
    from PIL import Image, ImageOps

    mode = {"rgb": "RGB", "gray": "L"}[pixels]
    height, width = compute_shrunk_size((image.height, image.width), max_short_side)
    # A JPEG gives its grey plane, or an eighth to a half of its size, for less work.
    image.draft(mode, (width, height))
    if image.mode in SIXTEEN_BIT_MODES:
        image = Image.fromarray(to_eight_bits(np.asarray(image), bits, path))
    if image.mode in ("LAB", "HSV"):  # which Pillow makes grey by way of RGB alone
        image = image.convert("RGB")
    if image.mode in ("I", "F"):
        raise VideoError(path, "its pixels are 32-bit numbers, which have no agreed range")
    image = ImageOps.exif_transpose(image.convert(mode).resize((width, height), _BILINEAR))
    return np.asarray(image).reshape(image.height, image.width, CHANNELS[pixels])


def to_eight_bits(
    values: Integer[np.ndarray, "*shape"], bits: int, path: Path | str
) -> UInt8[np.ndarray, "*shape"]:
    """The upper 8 of the bits that are used.

    Raises:
        VideoError: A value needs more bits.
    """
    shifted = values.astype(np.uint16) >> (bits - 8)
    if shifted.size and shifted.max() > 255:
        raise VideoError(
            path, f"it has values up to {values.max()}, and {bits} bits were found or given; give "
            f"bits {int(values.max()).bit_length()} or more"
        )  # fmt: skip
    return shifted.astype(np.uint8)


def _select_frames(
    folder: Path, frame_name: str | None, first: int, frames: int | None
) -> list[str]:
    """The images of a window, in order: counted from 0, or by the numbers of a template."""
    names = _list_images(folder)
    try:
        if frame_name is not None:
            return _select_numbers(folder, parse_frame_name(frame_name), names, first, frames)
        ordered = order_frames(names)
    except ValueError as error:
        raise VideoError(folder, str(error)) from error
    count = check_window(folder, first, frames, len(ordered))
    return ordered[first : first + count]


def _list_images(folder: Path) -> list[str]:
    try:
        names = list(filter(is_image, os.listdir(folder)))
    except OSError as error:
        raise VideoError(
            folder, f"the folder cannot be listed: {format_os_error(error)}"
        ) from error
    if not names:
        raise VideoError(folder, "the folder has no images; name the folder right above them")
    return names


def _select_numbers(
    folder: Path, template: FrameName, names: Iterable[str], first: int, frames: int | None
) -> list[str]:
    """The images from a number on: each number if a count is given, else those that are there."""
    digits_of = {name: template.extract_digits(name) for name in names}
    matching = order_by_number(name for name, digits in digits_of.items() if digits)
    number_of = {name: int(digits_of[name] or 0) for name in matching}
    if frames is None and first in number_of.values():
        return [name for name in matching if number_of[name] >= first]
    name_of = {number: name for name, number in number_of.items()}
    numbers = range(first, first + (frames or 1))
    missing = next((number for number in numbers if number not in name_of), None)
    if missing is not None:
        missing_name = f"{template.prefix}{missing:0{template.width}}{template.suffix}"
        known = matching or sorted(digits_of)
        raise VideoError(
            folder / missing_name, f"this frame is missing; there are {known[0]} .. {known[-1]}"
        )
    return [name_of[number] for number in numbers]
