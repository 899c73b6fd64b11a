"""Outlines of shapes as distance fields, which give smooth edges at any size and angle.

An outline maps points to their signed distance from its edge, negative inside. A shape is about 1
in radius. Near corners the distance is a lower bound, which is all that an edge one pixel wide
needs.

Axes: frames, height, width.
"""

from collections.abc import Callable

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
