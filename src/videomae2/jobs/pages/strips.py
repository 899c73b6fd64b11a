"""A few frames of a clip side by side, as a small JPEG.

Axes: frames, height, width, channels.
"""

import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from videomae2.jobs.panels import colored, frames_to_show

_QUALITY = 80
_WIDEST, _TALLEST = 16 / 9, 4 / 5  # width over height; what is beyond is cut off at both ends
_GAP = 3


def strip(
    clip: UInt8[np.ndarray, "frames height width channels"], *, shown: int = 4, height: int = 104
) -> bytes:
    """Write some frames of a clip, at equal distances, next to each other.

    Args:
        clip: At least one frame.
        shown: How many frames.
        height: Of the strip in pixels.
    """
    chosen = sorted(set(frames_to_show(min(shown, len(clip)), len(clip))))
    pictures = [_thumbnail(clip[number], height) for number in chosen]
    wide = pictures[0].width
    sheet = Image.new("RGB", (len(pictures) * (wide + _GAP) - _GAP, height), (255, 255, 255))
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number * (wide + _GAP), 0))
    out = io.BytesIO()
    sheet.save(out, format="JPEG", quality=_QUALITY)
    return out.getvalue()


def _thumbnail(frame: UInt8[np.ndarray, "height width channels"], height: int) -> Image.Image:
    tall, wide = frame.shape[:2]
    cut_wide, cut_tall = min(wide, int(tall * _WIDEST)), min(tall, int(wide / _TALLEST))
    cut_wide, cut_tall = max(1, cut_wide), max(1, cut_tall)
    top, left = (tall - cut_tall) // 2, (wide - cut_wide) // 2
    part = colored(frame)[top : top + cut_tall, left : left + cut_wide]
    size = (max(1, round(cut_wide * height / cut_tall)), height)
    picture = Image.fromarray(np.ascontiguousarray(part))
    return picture.resize(size, Image.Resampling.BICUBIC)
