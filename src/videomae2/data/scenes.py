"""Draw a video: one textured shape that glows in front of a dark ground, and moves.

What a scene looks like is drawn before how it moves, from the same generator and with the same
draws for all motions, so looks carry nothing about the motion.

Axes: frames, height, width, rgb. Units as in ``motions``.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8

from videomae2.data.motions import Poses, draw_poses
from videomae2.data.outlines import OUTLINES, Field
from videomae2.data.textures import Color, Texture, color

Frames = UInt8[np.ndarray, "frames height width 3"]
Canvas = Float32[np.ndarray, "frames height width 3"]

WHITENESS = np.float32(0.4)
"""Share of white in the light of a shape. It is always brighter than the ground, so that towards
the shape means brighter in every video: what one video teaches about motion holds in the others."""
SOFTNESS = 3 / 64
"""Width of the edge of a shape, in sides of the picture. A model of cubes of 8 pixels can tell
where a soft edge goes on; where a sharp one does, it does not learn in minutes."""


@dataclass(frozen=True, slots=True)
class Look:
    """Everything about a scene but its motion."""

    outline: str
    """One of ``OUTLINES``."""
    skin: Texture
    """On the shape, in its own coordinates: 1 is the radius of the shape."""
    ground: Color
    glow: float
    """Share of the shape's light in the ground at its edge."""
    reach: float
    """Where the glow has fallen to 1/e, in sides of the picture from the edge."""


def draw_scene(motion: str, *, frames: int, side: int, generator: np.random.Generator) -> Frames:
    """Draw a square video of ``side`` pixels; equal generators give equal pixels."""
    look = draw_look(generator)
    poses = draw_poses(motion, frames, generator=generator)
    canvas = render(look, poses, side=side)
    return (np.clip(canvas, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)


def draw_look(generator: np.random.Generator) -> Look:
    """Draw shape, textures and colours."""
    # A dark ground is teal, blue or purple: dark yellow is brown, which is hard to like.
    hue = np.radians(generator.uniform(170, 350))
    return Look(
        outline=str(generator.choice(list(OUTLINES))),
        skin=_draw_skin(generator, hue),
        ground=color(generator.uniform(0.14, 0.3), 0.04, hue),
        glow=generator.uniform(0.5, 0.7),
        reach=generator.uniform(0.2, 0.3),
    )


def _draw_skin(generator: np.random.Generator, ground_hue: float) -> Texture:
    """Draw a coarse texture, in colours far from the ground's hue and lightness."""
    hue = ground_hue + generator.uniform(0.5, 1.5) * np.pi
    other = hue + generator.choice((-1, 1)) * generator.uniform(0.6, 1.3)
    return Texture(
        pattern=str(generator.choice(("stripes", "waves", "clouds", "gradient"))),
        period=generator.uniform(4.0, 6.0),
        shift=(generator.random(), generator.random()),
        tilt=generator.uniform(0, np.pi),
        colors=(color(0.88, 0.15, hue), color(0.64, 0.19, other)),
    )


def render(look: Look, poses: Poses, *, side: int) -> Canvas:
    """Draw every frame of a scene; values may leave [0, 1] by nothing.

    The glow makes every place of the picture tell where the shape is. Without it the ground is
    flat, and in a flat cube the target, which is scaled to variance one, is nothing but rounding.
    """
    x, y = _local(poses, side)
    size = _per_frame(poses.size)
    distance = OUTLINES[look.outline](x, y) * size  # from the edge, in sides of the picture
    # Round: the distance from the edge has creases behind corners, which would show as dark rays.
    away = (np.hypot(x, y) - np.float32(0.75)) * size
    glow = np.float32(look.glow) * np.exp(-np.maximum(away, 0) / np.float32(look.reach))
    light = WHITENESS + (1 - WHITENESS) * (look.skin.colors[0] + look.skin.colors[1]) / 2
    canvas = look.ground + glow[..., None] * (light - look.ground)
    covered = np.clip(0.5 - distance / np.float32(SOFTNESS), 0, 1)[..., None]
    return canvas + covered * (look.skin.paint(x, y) - canvas)


def _local(poses: Poses, side: int) -> tuple[Field, Field]:
    """Give the place of each pixel in the coordinates of the shape."""
    column, row = _pixels(side)
    dx, dy = column - _per_frame(poses.x), row - _per_frame(poses.y)
    cos = _per_frame(np.cos(poses.angle) / poses.size)
    sin = _per_frame(np.sin(poses.angle) / poses.size)
    return cos * dx + sin * dy, cos * dy - sin * dx


def _pixels(
    side: int,
) -> tuple[Float32[np.ndarray, "1 1 width"], Float32[np.ndarray, "1 height 1"]]:
    """Give the centres of the columns and of the rows, in sides of the picture."""
    centres = ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32)
    return centres[None, None, :], centres[None, :, None]


def _per_frame(values: Float[np.ndarray, " frames"]) -> Float32[np.ndarray, "frames 1 1"]:
    return values.astype(np.float32)[:, None, None]
