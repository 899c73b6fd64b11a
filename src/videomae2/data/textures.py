"""Two-coloured textures: a pattern with values from 0 to 1 and two colours to mix by it.

Patterns are smooth at the scale of a pixel, so that they neither flicker when they move nor ask
more of a small model than it can rebuild.

Axes: frames, height, width; rgb (linear mixing of sRGB values in [0, 1]).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from videomae2.data.outlines import Field

Color = Float32[np.ndarray, "3"]


@dataclass(frozen=True, slots=True)
class Texture:
    """A pattern laid on a surface, in the surface's own coordinates."""

    pattern: str
    """One of ``PATTERNS``."""
    period: float
    """Length of one repetition, in the unit of the coordinates."""
    shift: tuple[float, float]
    """Where the pattern starts, in periods."""
    tilt: float
    """Angle of the pattern on the surface, in radians."""
    colors: tuple[Color, Color]

    def render(self, x: Field, y: Field) -> Float32[np.ndarray, "frames height width 3"]:
        """Give the colour at each point."""
        turn = 2 * np.pi / self.period
        cos, sin = np.float32(turn * np.cos(self.tilt)), np.float32(turn * np.sin(self.tilt))
        along = cos * x + sin * y + np.float32(2 * np.pi * self.shift[0])
        across = cos * y - sin * x + np.float32(2 * np.pi * self.shift[1])
        share = PATTERNS[self.pattern](along, across)
        first, second = self.colors
        return first + share[..., None] * (second - first)


def _soft_step(wave: Field, sharpness: float) -> Field:
    """Turn a wave in [-1, 1] into 0 and 1 with a soft edge between."""
    return np.clip(np.float32(sharpness) * wave + np.float32(0.5), 0, 1)


def _stripes(along: Field, across: Field) -> Field:
    return _soft_step(np.sin(along), 1.2)


def _waves(along: Field, across: Field) -> Field:
    return _soft_step(np.sin(along + np.float32(1.1) * np.sin(across)), 1.2)


def _clouds(along: Field, across: Field) -> Field:
    # Four waves of unrelated lengths and headings repeat too far away to be seen.
    folds = ((0.61, 0.27), (-0.38, 0.57), (0.93, -0.71), (0.35, 1.13))
    waves = sum(np.sin(np.float32(a) * along + np.float32(b) * across + a) for a, b in folds)
    return _soft_step(np.asarray(waves, dtype=np.float32), 0.28)


def _gradient(along: Field, across: Field) -> Field:
    return _soft_step(np.sin(np.float32(0.4) * along), 0.5)


PATTERNS: dict[str, Callable[[Field, Field], Field]] = {
    "stripes": _stripes,
    "waves": _waves,
    "clouds": _clouds,
    "gradient": _gradient,
}


def oklch_to_srgb(lightness: float, chroma: float, hue: float) -> Color:
    """Give the sRGB colour, in [0, 1], of an OKLCH colour; the hue is in radians.

    In OKLCH equal lightness looks equally light for every hue, which is what keeps random colours
    apart from their background.

    Source: B. Ottosson, "A perceptual color space for image processing", 2020 (matrices).
    """
    lab = np.array([lightness, chroma * np.cos(hue), chroma * np.sin(hue)])
    linear = _LMS_TO_RGB @ (_LAB_TO_LMS @ lab) ** 3
    linear = np.clip(linear, 0, 1)
    gamma = 1.055 * linear ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, gamma).astype(np.float32)


_LAB_TO_LMS = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_LMS_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
