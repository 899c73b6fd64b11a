"""The 15 operations of RandAugment and how strong each is at a magnitude of 0…10.

The increasing set: a larger magnitude always changes the clip more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float64
from torch import Tensor

from videomae2.data.augment import pixel_ops
from videomae2.data.augment.geometric_ops import build_matrix, rotate

FILL = 128
"""The value of pixels that come from outside the frame."""

PerClip = Float64[Tensor, " batch"]
AmountFn = Callable[[PerClip, PerClip], PerClip]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its kind, its amount by magnitude and sign, and what it computes."""

    name: str
    kind: Literal["table", "pixels", "matrix"]
    """Whether ``transform`` gives tables of values, new pixels, or a matrix of places."""
    amount: AmountFn
    transform: Callable[..., Tensor]
    """Of clip and amount; for a matrix of amount, height and width."""


def _zero(magnitude: PerClip, sign: PerClip) -> PerClip:
    return magnitude * 0


def _signed(slope: float) -> AmountFn:
    return lambda magnitude, sign: sign * magnitude * slope


def _factor(magnitude: PerClip, sign: PerClip) -> PerClip:
    return 1 + sign * magnitude * 0.09


def _bits(magnitude: PerClip, sign: PerClip) -> PerClip:
    """4 down to 1; the released code ends at 0, which leaves no picture and Pillow now refuses."""
    return (4 - (magnitude / 10 * 4).floor()).clamp(min=1)


def _threshold(magnitude: PerClip, sign: PerClip) -> PerClip:
    return 256 - (magnitude / 10 * 256).floor()


def _addend(magnitude: PerClip, sign: PerClip) -> PerClip:
    return (magnitude / 10 * 110).floor()


OPERATIONS = (
    Operation("auto-contrast", "table", _zero, pixel_ops.autocontrast),
    Operation("equalize", "table", _zero, pixel_ops.equalize),
    Operation("invert", "table", _zero, pixel_ops.invert),
    Operation("rotate", "matrix", _signed(3.0), rotate),
    Operation("posterize", "table", _bits, pixel_ops.posterize),
    Operation("solarize", "table", _threshold, pixel_ops.solarize),
    Operation("solarize-add", "table", _addend, pixel_ops.solarize_add),
    Operation("color", "pixels", _factor, pixel_ops.color),
    Operation("contrast", "table", _factor, pixel_ops.contrast),
    Operation("brightness", "table", _factor, pixel_ops.brightness),
    Operation("sharpness", "pixels", _factor, pixel_ops.sharpness),
    # rows move by a share of their y, columns by one of their x, all by one of the side
    Operation("shear-x", "matrix", _signed(0.03), lambda slope, *_: build_matrix(slope, b=slope)),
    Operation("shear-y", "matrix", _signed(0.03), lambda slope, *_: build_matrix(slope, d=slope)),
    Operation(
        "translate-x",
        "matrix",
        _signed(0.045),
        lambda share, height, width: build_matrix(share, c=share * width),
    ),
    Operation(
        "translate-y",
        "matrix",
        _signed(0.045),
        lambda share, height, width: build_matrix(share, f=share * height),
    ),
)
"""In the order of the released code's list."""
