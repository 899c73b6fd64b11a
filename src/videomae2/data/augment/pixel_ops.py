"""Changes of tone, colour and sharpness, with the numbers of Pillow to the bit.

Tone: every function gives tables of 256 values for each frame and channel, which ``apply_table``
applies. Colour and sharpness: each pixel is blended with a duller version of itself.
Axes: batch, frames, height, width, channels.
"""

import torch
from jaxtyping import Float, Int, Int64, UInt8
from torch import Tensor

UInt8Clips = UInt8[Tensor, "batch frames height width channels"]
LookupTable = UInt8[Tensor, "batch frames channels 256"]
PerClip = Float[Tensor, " batch"]


def identity_table(x: UInt8Clips) -> LookupTable:
    """Tables that change nothing."""
    batch, frames, _, _, channels = x.shape
    return _all_values(x).to(torch.uint8).expand(batch, frames, channels, 256)


def apply_table(x: UInt8Clips, table: LookupTable) -> UInt8Clips:
    """Replace each value by what its table says."""
    index = x.int() + _table_offsets(x)
    return table.reshape(-1)[index.flatten()].view(x.shape)


def autocontrast(x: UInt8Clips, amount: PerClip) -> LookupTable:
    """Spread each channel of each frame over 0…255 (``autocontrast``); the amount is not used."""
    pixels = x.flatten(2, 3)
    low, high = pixels.amin(dim=2).double()[..., None], pixels.amax(dim=2).double()[..., None]
    scale = 255.0 / (high - low)
    table = (_all_values(x) * scale - low * scale).trunc()
    return _to_uint8(torch.where(high > low, table, _all_values(x)))


def equalize(x: UInt8Clips, amount: PerClip) -> LookupTable:
    """Make all values of a channel of a frame about equally frequent; the amount is not used."""
    counts = histogram(x)
    last = ((counts > 0) * torch.arange(256, device=x.device)).argmax(dim=3, keepdim=True)
    total = counts.sum(dim=3, keepdim=True)
    step = (total - counts.gather(3, last)) // 255
    below = counts.cumsum(dim=3) - counts
    table = (step // 2 + below) // step.clamp(min=1)
    return _to_uint8(torch.where(step > 0, table, _all_values(x)))


def invert(x: UInt8Clips, amount: PerClip) -> LookupTable:
    """Turn values round; the amount is not used."""
    return 255 - identity_table(x)


def posterize(x: UInt8Clips, bits: PerClip) -> LookupTable:
    """Keep the highest bits of each value."""
    unit = torch.pow(2, 8 - _per_clip_column(bits))
    return _expand_table(x, (_all_values(x) / unit).floor() * unit)


def solarize(x: UInt8Clips, threshold: PerClip) -> LookupTable:
    """Turn round the values from a threshold on."""
    values = _all_values(x)
    return _expand_table(x, torch.where(values < _per_clip_column(threshold), values, 255 - values))


def solarize_add(x: UInt8Clips, amount: PerClip) -> LookupTable:
    """Add an amount to the values below 128."""
    values = _all_values(x)
    return _expand_table(x, torch.where(values < 128, values + _per_clip_column(amount), values))


def brightness(x: UInt8Clips, factor: PerClip) -> LookupTable:
    """Blend with black: 0 is black, 1 changes nothing, 2 is twice as bright."""
    values = _all_values(x).float()
    return _expand_table(x, blend(torch.zeros_like(values), values, _per_clip_column(factor)))


def contrast(x: UInt8Clips, factor: PerClip) -> LookupTable:
    """Blend with the mean grey of each frame: 0 is that grey, 1 changes nothing."""
    mean = (gray(x).flatten(2).double().mean(dim=2) + 0.5).floor().float()
    values = _all_values(x).float()
    return _expand_table(x, blend(mean[..., None, None], values, _per_clip_column(factor)))


def blend(base: Tensor, x: Tensor, factor: Tensor) -> Tensor:
    """Go from the base (0) to the values (1) and beyond, in float32, cut to 0…255 and down."""
    return (base + factor.float() * (x - base)).clamp(0, 255).trunc()


def gray(x: UInt8Clips) -> Int[Tensor, "batch frames height width"]:
    """Luma of RGB as Pillow rounds it; of other numbers of channels the mean, rounded down."""
    if x.shape[4] != 3:
        return x.sum(dim=4, dtype=torch.int32) // x.shape[4]
    red, green, blue = (x[..., channel].int() for channel in range(3))
    return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16


def histogram(x: UInt8Clips) -> Int64[Tensor, "batch frames channels 256"]:
    """How often each value occurs in each channel of each frame."""
    batch, frames, _, _, channels = x.shape
    index = (x.int() + _table_offsets(x)).flatten()
    counts = torch.zeros(batch * frames * channels * 256, dtype=torch.int32, device=x.device)
    counts.index_add_(0, index, torch.ones_like(index))
    return counts.view(batch, frames, channels, 256).long()


def _table_offsets(x: Tensor) -> Tensor:
    """Where the table of each frame and channel begins, when all stand in one row."""
    batch, frames, _, _, channels = x.shape
    tables = torch.arange(batch * frames * channels, dtype=torch.int32, device=x.device)
    return (tables * 256).view(batch, frames, 1, 1, channels)


def _all_values(x: Tensor) -> Float[Tensor, "256"]:
    return torch.arange(256, dtype=torch.float64, device=x.device)


def _per_clip_column(amount: Tensor) -> Tensor:
    return amount.view(-1, 1, 1, 1)


def _expand_table(x: Tensor, table: Tensor) -> LookupTable:
    """The same table for all frames or channels that share it."""
    batch, frames, _, _, channels = x.shape
    return _to_uint8(table).expand(batch, frames, channels, 256)


def _to_uint8(table: Tensor) -> Tensor:
    return table.clamp(0, 255).to(torch.uint8)


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
