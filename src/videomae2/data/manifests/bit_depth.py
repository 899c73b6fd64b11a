"""How many of their 16 bits images and arrays use: found out from a few, since no file says it.

Cameras for depth, heat or X-rays write 10, 12 or 14 bits; taken for 16 they would be all but black.
"""

import logging
import os
from pathlib import Path

import numpy as np

from videomae2.data.manifests.manifest import Manifest
from videomae2.data.video.frame_names import is_image, order_frames
from videomae2.data.video.images import SIXTEEN_BIT_MODES, open_image
from videomae2.data.video.npy import read_npy_header
from videomae2.data.video.pages import PAGED_EXTENSIONS
from videomae2.data.video.reader import ReadLimits
from videomae2.errors import VideoError

_logger = logging.getLogger(__name__)
_MAX_PROBED = 8  # videos, one frame of each
_DEPTHS = (8, 10, 12, 14, 16)
_SUFFIXES = (".npy", *(f".{extension}" for extension in PAGED_EXTENSIONS))


def find_bits(manifest: Manifest) -> tuple[int, int] | None:
    """The bits that are used, and the largest value seen; None if no video has 16 of them."""
    candidates = [
        row for row, path in enumerate(manifest.paths)
        if manifest.is_frames[row] or path.lower().endswith(_SUFFIXES)
    ]  # fmt: skip
    step = max(1, len(candidates) // _MAX_PROBED)
    return _fit_bits(
        max((_read_largest_value(manifest[row].path) for row in candidates[::step]), default=-1)
    )


def find_bits_of_video(path: Path | str) -> tuple[int, int] | None:
    """The same of a folder of images, an array or a file of pages; of others None."""
    name = os.fspath(path)
    is_probed = name.lower().endswith(_SUFFIXES) or os.path.isdir(name)
    return _fit_bits(_read_largest_value(name)) if is_probed else None


def choose_bits(given: int | None, trained: int | None, weights: Path) -> int | None:
    """The bits that were said, else those of the training; that they differ is said."""
    if given is not None and trained is not None and given != trained:
        _logger.warning(f"{weights} was trained with {trained} of 16 bits, and here {given} count")
    return trained if given is None else given


def describe_other_bits(bits: int | None, found: tuple[int, int] | None) -> str:
    """Say that other bits are taken than would be found; "" where they are not."""
    if bits is None or found is None or bits == found[0]:
        return ""
    return (
        f"{bits} of 16 bits are taken, as was said or in training, and the largest value seen, "
        f"{found[1]}, needs {found[0]}"
    )


def _fit_bits(largest: int) -> tuple[int, int] | None:
    return None if largest < 0 else (next(b for b in _DEPTHS if largest < 2**b), largest)


def _read_largest_value(video: str) -> int:
    """The largest value of a frame in the middle; -1 where frames have 8 bits or cannot be read."""
    try:
        if video.lower().endswith(".npy"):
            return _read_largest_of_array(video)
        path = Path(video)
        if path.is_dir():
            names = order_frames(filter(is_image, os.listdir(path)))
            path = path / names[len(names) // 2]
        with open_image(path, ReadLimits()) as image:
            if image.mode not in SIXTEEN_BIT_MODES:
                return -1
            image.seek(getattr(image, "n_frames", 1) // 2)
            return int(np.asarray(image).max())
    except (OSError, ValueError, IndexError, VideoError):
        return -1


def _read_largest_of_array(path: str) -> int:
    dtype, shape, offset = read_npy_header(path)
    if dtype.itemsize == 1:
        return -1
    count = int(np.prod(shape[1:]))
    start = offset + shape[0] // 2 * count * dtype.itemsize
    return int(np.fromfile(path, dtype, count, offset=start).max())
