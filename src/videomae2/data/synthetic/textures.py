"""Outlines of shapes as distance fields, and two-coloured textures.

An outline maps points to their signed distance from its edge, negative inside, which gives smooth
edges at any size and angle. A shape is about 1 in radius. Near corners the distance is a lower
bound, which is all that an edge one pixel wide needs. A texture is a pattern with values from 0 to
1 and two colours to mix by it (linear mixing of sRGB values in [0, 1]), smooth at the scale of a
pixel, so that it neither flickers when it moves nor asks more of a small model than it can rebuild.

Axes: frames, height, width; rgb.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

Field = Float32[np.ndarray, "frames height width"]


def _disc_sdf(x: Field, y: Field) -> Field:
    return np.hypot(x, y) - np.float32(0.92)


def _box_sdf(x: Field, y: Field, half_width: float, half_height: float) -> Field:
    return np.maximum(np.abs(x) - np.float32(half_width), np.abs(y) - np.float32(half_height))


def _square_sdf(x: Field, y: Field) -> Field:
    return _box_sdf(x, y, 0.78, 0.78)


def _cross_sdf(x: Field, y: Field) -> Field:
    return np.minimum(_box_sdf(x, y, 0.97, 0.4), _box_sdf(x, y, 0.4, 0.97))


def _triangle_sdf(x: Field, y: Field) -> Field:
    # Three half-planes; 0.56 from centre to side puts the corners at 1.12, which makes up for the
    # small area of a triangle.
    slant = np.float32(np.sqrt(0.75)) * np.abs(x) - np.float32(0.5) * y
    return np.maximum(slant, y) - np.float32(0.56)


def _star_sdf(x: Field, y: Field) -> Field:
    """Five points at radius 1.1 with notches at 0.5, folded into half of one point."""
    sector = 2 * np.pi / 5
    bearing = np.arctan2(x, -y)
    folded = np.abs(bearing - np.float32(sector) * np.round(bearing / np.float32(sector)))
    radius = np.hypot(x, y)
    tip = np.array([1.1, 0.0])
    notch = 0.5 * np.array([np.cos(sector / 2), np.sin(sector / 2)])
    edge = (notch - tip) / np.linalg.norm(notch - tip)
    normal = np.array([edge[1], -edge[0]], dtype=np.float32)
    offset = np.float32(normal[0] * tip[0])
    return radius * (np.cos(folded) * normal[0] + np.sin(folded) * normal[1]) - offset


SHAPE_SDFS: dict[str, Callable[[Field, Field], Field]] = {
    "disc": _disc_sdf,
    "square": _square_sdf,
    "triangle": _triangle_sdf,
    "star": _star_sdf,
    "cross": _cross_sdf,
}

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
