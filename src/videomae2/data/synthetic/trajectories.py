"""How a shape moves: twelve motions that no single frame can tell apart.

Every motion is stationary under one and the same prior: at *any* frame the centre is uniform in a
disc, the logarithm of the size is uniform in a range, the angle is uniform, and the three are
independent. So place, size and angle of one frame carry nothing about the motion, whichever frame
it is. Three facts keep this exact:

- a saw or triangle wave with a uniform phase spends equal time everywhere (``_compute_saw_wave``),
  and a disc cut into parallel chords is uniform along each chord (slides, sways);
- turning a uniform disc or a uniform angle leaves it uniform (circles, spins);
- a ball between mirrors, with a uniform place and heading, stays uniform (bounces; the invariant
  measure of a billiard).

Units: lengths in sides of the picture, from its centre, x to the right and y down; angles in
radians, clockwise on the screen; time in frames.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

Track = Float64[np.ndarray, " frames"]

REACH = 0.26
"""Radius of the disc in which centres lie."""

SIZES = (0.26, 0.42)
"""Smallest and largest radius of a shape, about 1/2 to 3/4 of the picture wide."""

RETURN_SHARE = 0.12
"""Share of a cycle in which a one-way motion goes back, about three frames."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Where a shape is at each frame."""

    x: Track
    y: Track
    size: Track
    """Radius of the shape."""
    angle: Track


Motion = Callable[[Trajectory, np.random.Generator], Trajectory]
"""Moves what rests."""


def draw_trajectory(motion: str, frames: int, *, generator: np.random.Generator) -> Trajectory:
    """Draw a shape that moves as ``motion`` says, one of ``MOTIONS``, over a number of frames."""
    rest = _draw_still(frames, generator)
    return MOTIONS[motion](rest, generator)


def _draw_still(frames: int, generator: np.random.Generator) -> Trajectory:
    """Draw one pose from the prior and hold it."""
    radius = REACH * np.sqrt(generator.random())  # the root makes the disc uniform in area
    bearing, angle = generator.uniform(0, 2 * np.pi, 2)
    size = np.exp(generator.uniform(*np.log(SIZES)))
    pose = (radius * np.cos(bearing), radius * np.sin(bearing), size, angle)
    return Trajectory(*(np.full(frames, value) for value in pose))


def _draw_cycles(
    still: Trajectory, generator: np.random.Generator, shortest: float, longest: float
) -> Track:
    """Count cycles since a random start, at a random cycle length in frames."""
    length = generator.uniform(shortest, longest)
    return generator.random() + np.arange(len(still.x)) / length


def _compute_saw_wave(cycles: Track, return_share: float) -> Track:
    """Go from 0 to 1 evenly, then back to 0 evenly in the share ``return_share`` of a cycle."""
    part = cycles % 1.0
    return np.minimum(part / (1 - return_share), (1 - part) / return_share)


def _place_on_chord(across: Track, share: Track) -> Track:
    """Give the place on the chord at distance ``across`` from the centre, between its ends 0, 1."""
    return (2 * share - 1) * np.sqrt(np.maximum(REACH**2 - across**2, 0.0))


def _make_slide(
    dx: int,
    dy: int,
    *,
    cycle_frames: tuple[float, float] = (20.0, 30.0),
    return_share: float = RETURN_SHARE,
) -> Motion:
    def move(rest: Trajectory, generator: np.random.Generator) -> Trajectory:
        share = _compute_saw_wave(_draw_cycles(rest, generator, *cycle_frames), return_share)
        if dx:
            return replace(rest, x=dx * _place_on_chord(rest.y, share))
        return replace(rest, y=dy * _place_on_chord(rest.x, share))

    return move


def _make_spin(sign: int) -> Motion:
    def move(rest: Trajectory, generator: np.random.Generator) -> Trajectory:
        # Slow enough that a star, alike every 72 degrees, turns by less than half of that between
        # frames read with stride 2.
        turned = sign * 2 * np.pi * _draw_cycles(rest, generator, 26.0, 40.0)
        return replace(rest, angle=turned)

    return move


def _make_resize(
    *,
    cycle_frames: tuple[float, float] = (20.0, 30.0),
    return_share: float = RETURN_SHARE,
    shrinks: bool = False,
) -> Motion:
    low, high = np.log(SIZES)

    def move(rest: Trajectory, generator: np.random.Generator) -> Trajectory:
        share = _compute_saw_wave(_draw_cycles(rest, generator, *cycle_frames), return_share)
        share = 1 - share if shrinks else share
        return replace(rest, size=np.exp(low + (high - low) * share))

    return move


def _circle(rest: Trajectory, generator: np.random.Generator) -> Trajectory:
    sign = generator.choice((-1, 1))
    turned = sign * 2 * np.pi * _draw_cycles(rest, generator, 18.0, 28.0)
    radius = np.hypot(rest.x, rest.y)
    return replace(rest, x=radius * np.cos(turned), y=radius * np.sin(turned))


def _bounce(rest: Trajectory, generator: np.random.Generator) -> Trajectory:
    """Go straight and bounce off the rim of the disc.

    All chords of such a path lie at one distance from the centre, and each is the one before,
    turned by a fixed angle; so a frame's place follows from the path length alone.
    """
    heading = generator.uniform(0, 2 * np.pi)
    speed = 2 * REACH / generator.uniform(9, 13)
    along = rest.x * np.cos(heading) + rest.y * np.sin(heading)
    across = rest.y * np.cos(heading) - rest.x * np.sin(heading)
    half = np.sqrt(np.maximum(REACH**2 - across**2, 1e-12))
    path = along + half + speed * np.arange(len(along))
    bounces = np.floor(path / (2 * half))
    along = path - 2 * half * bounces - half
    heading = heading + bounces * (np.pi + 2 * np.arcsin(across / REACH))
    x = along * np.cos(heading) - across * np.sin(heading)
    y = along * np.sin(heading) + across * np.cos(heading)
    return replace(rest, x=x, y=y)


MOTIONS: dict[str, Motion] = {
    "moves_left": _make_slide(-1, 0),
    "moves_right": _make_slide(1, 0),
    "moves_up": _make_slide(0, -1),
    "moves_down": _make_slide(0, 1),
    "spins_clockwise": _make_spin(1),
    "spins_anticlockwise": _make_spin(-1),
    "grows": _make_resize(),
    "shrinks": _make_resize(shrinks=True),
    "pulses": _make_resize(cycle_frames=(10.0, 14.0), return_share=0.5),
    "sways": _make_slide(1, 0, cycle_frames=(12.0, 18.0), return_share=0.5),
    "circles": _circle,
    "bounces": _bounce,
}
"""The classes of the built-in data set, in the order of their numbers."""
