"""A batch of clips on the device, as tasks receive it.

Axes: batch, frames, height, width, channels; outputs = classes, labels or numbers to
predict.
"""

from dataclasses import dataclass

from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

Targets = Int64[Tensor, " batch"] | Float32[Tensor, "batch outputs"]
"""What supervised training asks for: the number of one class per clip, or for each output a share
of a class (soft targets), 0 or 1 (labels of which any number holds), or a number."""


@dataclass(frozen=True, slots=True)
class Clips:
    """Clips, the key of each one's random draws, and how much each counts."""

    pixels: (
        UInt8[Tensor, "batch frames height width channels"]
        | Float32[Tensor, "batch frames height width channels"]
    )
    """RGB (or other channels), 0…255; float32 on the same scale where an augmentation made values
    between or beyond."""
    keys: Int64[Tensor, " batch"]
    """One key per clip for its random draws."""
    weights: Float32[Tensor, " batch"]
    """1, or 0 where the video could not be read and pixels and targets mean nothing."""
    targets: Targets | None = None
    """What the clips show, where the task is told; in a hole any value that is allowed."""
