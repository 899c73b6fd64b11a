"""A batch of clips on the device, as tasks receive it.

Axes: batch, frames, height, width, channels, classes.
"""

from dataclasses import dataclass

from jaxtyping import Float32, Int64, UInt8
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Clips:
    """uint8 clips, the key of each one's random draws, and how much each counts."""

    pixels: UInt8[Tensor, "batch frames height width channels"]
    """RGB (or other channels), 0…255."""
    keys: Int64[Tensor, " batch"]
    """One key per clip for its random draws."""
    weights: Float32[Tensor, " batch"]
    """1, or 0 where the video could not be read and the pixels mean nothing."""


@dataclass(frozen=True, slots=True)
class SoftClips:
    """Normalised clips, each with what is to be predicted, and how much each counts."""

    pixels: Float32[Tensor, "batch frames height width channels"]
    """(value / 255 - mean) / std."""
    targets: Float32[Tensor, "batch classes"]
    """Shares of classes; or whatever numbers the clips were given with."""
    keys: Int64[Tensor, " batch"]
    """One key per clip for its random draws."""
    weights: Float32[Tensor, " batch"]
    """1, or 0 where the video could not be read and the pixels mean nothing."""
