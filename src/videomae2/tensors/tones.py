"""Changes of tone: what a table of 256 values for each frame and channel can do.

Every function gives the tables, and ``look_up`` applies them. The numbers are those of Pillow, to
the bit. Axes: batch, frames, height, width, channels.
"""

import torch
from jaxtyping import Float, Int, Int64, UInt8
from torch import Tensor

Clip = UInt8[Tensor, "batch frames height width channels"]
Table = UInt8[Tensor, "batch frames channels 256"]
PerClip = Float[Tensor, " batch"]


def identity(x: Clip) -> Table:
    """Tables that change nothing."""
    batch, frames, _, _, channels = x.shape
    return _values(x).to(torch.uint8).expand(batch, frames, channels, 256)


def look_up(x: Clip, table: Table) -> Clip:
    """Replace each value by what its table says."""
    place = x.int() + _first_places(x)
    return table.reshape(-1)[place.flatten()].view(x.shape)


def stretch(x: Clip, amount: PerClip) -> Table:
    """Spread each channel of each frame over 0…255 (``autocontrast``); the amount is not used."""
    pixels = x.flatten(2, 3)
    low, high = pixels.amin(dim=2).double()[..., None], pixels.amax(dim=2).double()[..., None]
    scale = 255.0 / (high - low)
    table = (_values(x) * scale - low * scale).trunc()
    return _bytes(torch.where(high > low, table, _values(x)))


def equalize(x: Clip, amount: PerClip) -> Table:
    """Make all values of a channel of a frame about equally frequent; the amount is not used."""
    counts = histogram(x)
    last = ((counts > 0) * torch.arange(256, device=x.device)).argmax(dim=3, keepdim=True)
    total = counts.sum(dim=3, keepdim=True)
    step = (total - counts.gather(3, last)) // 255
    below = counts.cumsum(dim=3) - counts
    table = (step // 2 + below) // step.clamp(min=1)
    return _bytes(torch.where(step > 0, table, _values(x)))


def invert(x: Clip, amount: PerClip) -> Table:
    """Turn values round; the amount is not used."""
    return 255 - identity(x)


def posterize(x: Clip, bits: PerClip) -> Table:
    """Keep the highest bits of each value."""
    unit = torch.pow(2, 8 - _column(bits))
    return _spread(x, (_values(x) / unit).floor() * unit)


def solarize(x: Clip, threshold: PerClip) -> Table:
    """Turn round the values from a threshold on."""
    values = _values(x)
    return _spread(x, torch.where(values < _column(threshold), values, 255 - values))


def solarize_add(x: Clip, amount: PerClip) -> Table:
    """Add an amount to the values below 128."""
    values = _values(x)
    return _spread(x, torch.where(values < 128, values + _column(amount), values))


def brightness(x: Clip, factor: PerClip) -> Table:
    """Blend with black: 0 is black, 1 changes nothing, 2 is twice as bright."""
    values = _values(x).float()
    return _spread(x, blend(torch.zeros_like(values), values, _column(factor)))


def contrast(x: Clip, factor: PerClip) -> Table:
    """Blend with the mean grey of each frame: 0 is that grey, 1 changes nothing."""
    mean = (gray(x).flatten(2).double().mean(dim=2) + 0.5).floor().float()
    values = _values(x).float()
    return _spread(x, blend(mean[..., None, None], values, _column(factor)))


def blend(base: Tensor, x: Tensor, factor: Tensor) -> Tensor:
    """Go from the base (0) to the values (1) and beyond, in float32, cut to 0…255 and down."""
    return (base + factor.float() * (x - base)).clamp(0, 255).trunc()


def gray(x: Clip) -> Int[Tensor, "batch frames height width"]:
    """Luma of RGB as Pillow rounds it; of other numbers of channels the mean, rounded down."""
    if x.shape[4] != 3:
        return x.sum(dim=4, dtype=torch.int32) // x.shape[4]
    red, green, blue = (x[..., channel].int() for channel in range(3))
    return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16


def histogram(x: Clip) -> Int64[Tensor, "batch frames channels 256"]:
    """How often each value occurs in each channel of each frame."""
    batch, frames, _, _, channels = x.shape
    place = (x.int() + _first_places(x)).flatten()
    counts = torch.zeros(batch * frames * channels * 256, dtype=torch.int32, device=x.device)
    counts.index_add_(0, place, torch.ones_like(place))
    return counts.view(batch, frames, channels, 256).long()


def _first_places(x: Tensor) -> Tensor:
    """Where the table of each frame and channel begins, when all stand in one row."""
    batch, frames, _, _, channels = x.shape
    tables = torch.arange(batch * frames * channels, dtype=torch.int32, device=x.device)
    return (tables * 256).view(batch, frames, 1, 1, channels)


def _values(x: Tensor) -> Float[Tensor, "256"]:
    return torch.arange(256, dtype=torch.float64, device=x.device)


def _column(amount: Tensor) -> Tensor:
    return amount.view(-1, 1, 1, 1)


def _spread(x: Tensor, table: Tensor) -> Table:
    """The same table for all frames or channels that share it."""
    batch, frames, _, _, channels = x.shape
    return _bytes(table).expand(batch, frames, channels, 256)


def _bytes(table: Tensor) -> Tensor:
    return table.clamp(0, 255).to(torch.uint8)
