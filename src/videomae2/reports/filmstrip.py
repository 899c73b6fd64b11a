"""A few frames of a clip side by side, as a small JPEG.

Axes: frames, height, width, channels.
"""

import io

import numpy as np
from jaxtyping import UInt8

from videomae2.reports.image_canvas import to_rgb
from videomae2.reports.reconstruction import select_frame_numbers

_QUALITY = 80
_MIN_ASPECT, _MAX_ASPECT = 4 / 5, 16 / 9  # width over height; what is beyond is cut off
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
    from PIL import Image

    frames = _cut_middle(clip)
    size = (max(1, round(frames.shape[2] * height / frames.shape[1])), height)
    numbers = sorted(set(select_frame_numbers(min(num_frames, len(clip)), len(clip))))
    width = len(numbers) * (size[0] + _GAP) - _GAP
    canvas = Image.new("RGB", (width, height), (255, 255, 255))
    for position, number in enumerate(numbers):
        picture = Image.fromarray(np.ascontiguousarray(to_rgb(frames[number])))
        canvas.paste(
            picture.resize(size, Image.Resampling.BICUBIC), (position * (size[0] + _GAP), 0)
        )
    out = io.BytesIO()
    canvas.save(out, format="JPEG", quality=_QUALITY)
    return out.getvalue()


def _cut_middle(
    clip: UInt8[np.ndarray, "frames height width channels"],
) -> UInt8[np.ndarray, "frames cut_height cut_width channels"]:
    height, width = clip.shape[1:3]
    cut_width = max(1, min(width, int(height * _MAX_ASPECT)))
    cut_height = max(1, min(height, int(width / _MIN_ASPECT)))
    top, left = (height - cut_height) // 2, (width - cut_width) // 2
    return clip[:, top : top + cut_height, left : left + cut_width]
