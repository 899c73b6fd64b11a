"""Films of textures that move, each unlike the others."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from videomae2.data.video.writer import write_video


def film(
    path: Path, frames: int, *, seed: int = 0, first: int = 0, height: int = 36, width: int = 48
) -> Path:
    """Write frames from ``first`` on at 25 a second; the same frames look the same in any film."""
    path.parent.mkdir(parents=True, exist_ok=True)
    base = np.random.default_rng(seed).integers(0, 256, (6, 64, 3))
    cell = height // 6, width // 8

    def draw(number: int) -> np.ndarray:
        """A texture that drifts, with stripes whose number grows."""
        shift, stripes = number // 5, number * 3 % 64
        part = np.roll(base, -shift, axis=1)[:, :8]
        frame = np.kron(part, np.ones((*cell, 1)))
        frame[:, : 1 + stripes * width // 64] //= 2
        return frame.astype(np.uint8)

    pictures = (draw(first + number) for number in range(frames))
    write_video(path, pictures, rate=Fraction(25), crf=18)
    return path
