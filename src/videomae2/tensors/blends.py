"""Changes of colour and sharpness: each pixel blended with a duller version of itself.

The numbers are those of Pillow, to the bit. Axes: batch, frames, height, width, channels.
"""

import torch
from jaxtyping import UInt8
from torch import Tensor

from videomae2.tensors.tones import UInt8Clips, PerClip, blend, gray


def color(x: UInt8Clips, factor: PerClip) -> UInt8Clips:
    """Blend with the picture in grey: 0 is grey, 1 changes nothing, 2 doubles the colours."""
    return _blend_clips(gray(x)[..., None].float(), x, factor)


def sharpness(x: UInt8Clips, factor: PerClip) -> UInt8Clips:
    """Blend with the smoothed picture: 0 is smooth, 1 changes nothing, 2 is sharper."""
    return _blend_clips(smooth_filter(x).float(), x, factor)


def smooth_filter(x: UInt8Clips) -> UInt8[Tensor, "batch frames height width channels"]:
    """Weigh each pixel 5 and its neighbours 1; pixels at the edges stay as they are."""
    wide_pixels = x.to(torch.int16)  # 13 * 255 fits, and so does twice that
    rows = wide_pixels[:, :, :-2] + wide_pixels[:, :, 1:-1] + wide_pixels[:, :, 2:]
    total = rows[:, :, :, :-2] + rows[:, :, :, 1:-1] + rows[:, :, :, 2:]
    total += 4 * wide_pixels[:, :, 1:-1, 1:-1]
    out = x.clone()
    out[:, :, 1:-1, 1:-1] = (2 * total + 13) // 26  # total / 13 to the nearest; no ties
    return out


def _blend_clips(base: Tensor, x: Tensor, factor: Tensor) -> Tensor:
    return blend(base, x.float(), factor.view(-1, 1, 1, 1, 1)).to(torch.uint8)
