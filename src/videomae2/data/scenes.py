"""Draw a video: one textured shape in front of a textured ground, moving in a named way.

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

SHADOW = 0.03
"""How far the shadow of a shape reaches, in sides of the picture."""


@dataclass(frozen=True, slots=True)
class Look:
    """Everything about a scene but its motion."""

    outline: str
    """One of ``OUTLINES``."""
    skin: Texture
    """On the shape, in its own coordinates: 1 is the radius of the shape."""
    ground: Texture
    """Behind the shape, in sides of the picture."""
    rim: Color
    drift: tuple[float, float]
    """How far the ground moves from frame to frame, in sides of the picture."""


def draw_scene(motion: str, *, frames: int, side: int, generator: np.random.Generator) -> Frames:
    """Draw a square video of ``side`` pixels; equal generators give equal pixels."""
    look = draw_look(generator)
    poses = draw_poses(motion, frames, generator=generator)
    canvas = render(look, poses, side=side)
    return (np.clip(canvas, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)


def draw_look(generator: np.random.Generator) -> Look:
    """Draw shape, textures and colours."""
    dark = generator.random() < 0.65
    # A dark ground is teal, blue or purple: dark yellow is brown, which is hard to like.
    hue = np.radians(generator.uniform(170, 350) if dark else generator.uniform(0, 360))
    drift, heading = generator.uniform(0, 0.004), generator.uniform(0, 2 * np.pi)
    return Look(
        outline=str(generator.choice(list(OUTLINES))),
        skin=_draw_skin(generator, hue, dark=dark),
        ground=_draw_ground(generator, hue, dark=dark),
        rim=color(0.98, 0.01, hue) if dark else color(0.25, 0.05, hue),
        drift=(float(drift * np.cos(heading)), float(drift * np.sin(heading))),
    )


def _draw_skin(generator: np.random.Generator, ground_hue: float, *, dark: bool) -> Texture:
    """Draw a strong texture, in colours far from the ground's hue and lightness."""
    hue = ground_hue + generator.uniform(0.5, 1.5) * np.pi
    other = hue + generator.choice((-1, 1)) * generator.uniform(0.6, 1.3)
    light, deep = (0.88, 0.64) if dark else (0.72, 0.5)
    return Texture(
        pattern=str(generator.choice(("stripes", "checks", "dots", "waves", "clouds", "gradient"))),
        period=generator.uniform(1.6, 2.4),
        shift=(generator.random(), generator.random()),
        tilt=generator.uniform(0, np.pi),
        colors=(color(light, 0.15, hue), color(deep, 0.19, other)),
    )


def _draw_ground(generator: np.random.Generator, hue: float, *, dark: bool) -> Texture:
    """Draw light that falls off in one direction across the picture.

    What lies behind the shape must be within a small model's reach: seen cubes tell how a slope
    goes on between them, and nothing could tell how a fine texture does. It is never flat either:
    in a flat cube the target, which is scaled to variance one, is nothing but rounding.
    """
    dim, bright = (0.18, 0.58) if dark else (0.6, 0.95)
    other = hue + generator.uniform(-0.6, 0.6)
    return Texture(
        pattern="ramp",
        period=generator.uniform(1.1, 1.5),
        shift=(0.0, 0.0),
        tilt=generator.uniform(0, 2 * np.pi),
        colors=(color(dim, 0.05, hue), color(bright, 0.05, other)),
    )


def render(look: Look, poses: Poses, *, side: int) -> Canvas:
    """Draw every frame of a scene; values may leave [0, 1] by nothing."""
    x, y = _local(poses, side)
    size = _per_frame(poses.size)
    distance = OUTLINES[look.outline](x, y) * size  # from the edge, in sides of the picture

    canvas = _paint_ground(look, len(poses.x), side)
    # Far from a corner the distance is too small; the distance from the disc around it is not.
    away = np.maximum(distance, (np.hypot(x, y) - np.float32(1.1)) * size)
    canvas *= 1 - np.float32(0.4) * np.exp(-np.maximum(away, 0) / np.float32(SHADOW))[..., None]
    pixels = distance * np.float32(side)
    skin = look.skin.paint(x, y)
    inner = np.clip(0.5 - (pixels + np.float32(side / 64)), 0, 1)[..., None]
    skin = look.rim + inner * (skin - look.rim)
    covered = np.clip(0.5 - pixels, 0, 1)[..., None]
    return canvas + covered * (skin - canvas)


def _paint_ground(look: Look, frames: int, side: int) -> Canvas:
    column, row = _pixels(side)
    time = np.arange(frames, dtype=np.float64)
    x = column - _per_frame(time * look.drift[0])
    y = row - _per_frame(time * look.drift[1])
    x, y = np.broadcast_arrays(x, y)
    return look.ground.paint(x, y)


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
