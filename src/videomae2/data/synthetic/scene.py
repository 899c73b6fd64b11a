"""Draw a video: one textured shape that glows in front of a dark ground, and moves.

What a scene looks like is drawn before how it moves, from the same generator and with the same
draws for all motions, so looks carry nothing about the motion.

Axes: frames, height, width, rgb. Units as in ``trajectories``.
"""

import numpy as np
from jaxtyping import Float, Float32, UInt8

from videomae2.data.synthetic.textures import SHAPE_SDFS, Field, Texture, oklch_to_srgb
from videomae2.data.synthetic.trajectories import Trajectory, draw_trajectory

Frames = UInt8[np.ndarray, "frames height width 3"]

WHITENESS = np.float32(0.4)
"""Share of white in the light of a shape. It is always brighter than the ground, so that towards
the shape means brighter in every video: what one video teaches about motion holds in the others."""

SOFTNESS = 3 / 64
"""Width of the edge of a shape, in sides of the picture. A model of cubes of 8 pixels can tell
where a soft edge goes on; where a sharp one does, it does not learn in minutes."""


def draw_scene(motion: str, *, frames: int, side: int, generator: np.random.Generator) -> Frames:
    """Draw a square video of ``side`` pixels; equal generators give equal pixels.

    The glow makes every place of the picture tell where the shape is. Without it the ground is
    flat, and in a flat cube the target, which is scaled to variance one, is nothing but rounding.
    """
    # A dark ground is teal, blue or purple: dark yellow is brown, which is hard to like.
    hue = np.radians(generator.uniform(170, 350))
    shape = str(generator.choice(list(SHAPE_SDFS)))
    texture = _draw_texture(generator, hue)
    background = oklch_to_srgb(generator.uniform(0.14, 0.3), 0.04, hue)
    glow_share = generator.uniform(0.5, 0.7)  # of the shape's light in the ground at its edge
    glow_radius = generator.uniform(0.2, 0.3)  # from the edge, in sides, where 1/e of it is left
    trajectory = draw_trajectory(motion, frames, generator=generator)
    x, y = _to_shape_coordinates(trajectory, side)
    size = _broadcast_per_frame(trajectory.size)
    distance = SHAPE_SDFS[shape](x, y) * size  # from the edge, in sides of the picture
    # Round: the distance from the edge has creases behind corners, which would show as dark rays.
    away = (np.hypot(x, y) - np.float32(0.75)) * size
    glow = np.float32(glow_share) * np.exp(-np.maximum(away, 0) / np.float32(glow_radius))
    light = WHITENESS + (1 - WHITENESS) * (texture.colors[0] + texture.colors[1]) / 2
    canvas = background + glow[..., None] * (light - background)
    covered = np.clip(0.5 - distance / np.float32(SOFTNESS), 0, 1)[..., None]
    canvas = canvas + covered * (texture.render(x, y) - canvas)
    return (np.clip(canvas, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)


def _draw_texture(generator: np.random.Generator, ground_hue: float) -> Texture:
    """Draw a coarse texture, in colours far from the ground's hue and lightness."""
    hue = ground_hue + generator.uniform(0.5, 1.5) * np.pi
    second_hue = hue + generator.choice((-1, 1)) * generator.uniform(0.6, 1.3)
    return Texture(
        pattern=str(generator.choice(("stripes", "waves", "clouds", "gradient"))),
        period=generator.uniform(4.0, 6.0),
        shift=(generator.random(), generator.random()),
        tilt=generator.uniform(0, np.pi),
        colors=(oklch_to_srgb(0.88, 0.15, hue), oklch_to_srgb(0.64, 0.19, second_hue)),
    )


def _to_shape_coordinates(trajectory: Trajectory, side: int) -> tuple[Field, Field]:
    """Give the place of each pixel in the coordinates of the shape."""
    centres = ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32)
    dx = centres[None, None, :] - _broadcast_per_frame(trajectory.x)
    dy = centres[None, :, None] - _broadcast_per_frame(trajectory.y)
    cos = _broadcast_per_frame(np.cos(trajectory.angle) / trajectory.size)
    sin = _broadcast_per_frame(np.sin(trajectory.angle) / trajectory.size)
    return cos * dx + sin * dy, cos * dy - sin * dx


def _broadcast_per_frame(values: Float[np.ndarray, " frames"]) -> Float32[np.ndarray, "frames 1 1"]:
    return values.astype(np.float32)[:, None, None]
