"""A few frames of a clip side by side, as a small JPEG.

Axes: frames, height, width, channels.
"""

import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from videomae2.reports.reconstruction import select_frame_numbers, to_rgb

_QUALITY = 80


_MAX_ASPECT, _MIN_ASPECT = (
    16 / 9,
    4 / 5,
)  # width over height; what is beyond is cut off at both ends


_GAP = 3


def encode_filmstrip(
    clip: UInt8[np.ndarray, "frames height width channels"],
    *,
    num_frames: int = 4,
    height: int = 104,
) -> bytes:
    """Write some frames of a clip, at equal distances, next to each other.

    Args:
        clip: At least one frame.
        num_frames: How many frames.
        height: Of the strip in pixels.
    """
    frame_numbers = sorted(set(select_frame_numbers(min(num_frames, len(clip)), len(clip))))
    pictures = [_make_thumbnail(clip[number], height) for number in frame_numbers]
    picture_width = pictures[0].width
    canvas = Image.new(
        "RGB", (len(pictures) * (picture_width + _GAP) - _GAP, height), (255, 255, 255)
    )
    for number, picture in enumerate(pictures):
        canvas.paste(picture, (number * (picture_width + _GAP), 0))
    out = io.BytesIO()
    canvas.save(out, format="JPEG", quality=_QUALITY)
    return out.getvalue()


def _make_thumbnail(frame: UInt8[np.ndarray, "height width channels"], height: int) -> Image.Image:
    frame_height, frame_width = frame.shape[:2]
    cut_width, cut_height = (
        min(frame_width, int(frame_height * _MAX_ASPECT)),
        min(frame_height, int(frame_width / _MIN_ASPECT)),
    )
    cut_width, cut_height = max(1, cut_width), max(1, cut_height)
    top, left = (frame_height - cut_height) // 2, (frame_width - cut_width) // 2
    part = to_rgb(frame)[top : top + cut_height, left : left + cut_width]
    size = (max(1, round(cut_width * height / cut_height)), height)
    picture = Image.fromarray(np.ascontiguousarray(part))
    return picture.resize(size, Image.Resampling.BICUBIC)
