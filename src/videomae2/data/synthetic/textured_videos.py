"""Videos made up for measuring: textures that drift, things that move, the noise of a camera.

Axes: height, width, channels.
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from jaxtyping import Float32, UInt8

HEIGHT, WIDTH, RATE = 256, 340, 30
KEY_FRAME_EVERY = 16
_CANVAS = 1024


def write_synthetic_videos(
    folder: Path, *, count: int, frames: int, seed: int, smoothness: float = 1.3, noise: float = 1.5
) -> list[Path]:
    """Write H.264 files of 340x256 at 30 frames a second, with a key frame every 16 frames.

    Amplitude over frequency falls with the power ``smoothness``; sharp pictures have 1. The noise
    is of 255; the default is a small camera in good light.
    """
    paths = [folder / f"made-up-{number:03}.mp4" for number in range(count)]
    for number, path in enumerate(paths):
        rng = np.random.default_rng([seed, number])
        _write_video(path, frames, _DriftingScene(rng, smoothness, noise))
    return paths


def add_h264_stream(container: OutputContainer, rate: int | Fraction) -> VideoStream:
    """The stream of a file that is to be measured."""
    stream = container.add_stream("libx264", rate=rate)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.gop_size = KEY_FRAME_EVERY
    stream.time_base = 1 / Fraction(rate)
    stream.options = {"crf": "23", "preset": "fast", "sc_threshold": "0", "threads": "1"}
    return stream


def _write_video(path: Path, frames: int, scene: "_DriftingScene") -> None:
    with av.open(str(path), "w") as container:
        stream = add_h264_stream(container, RATE)
        for number in range(frames):
            image = av.VideoFrame.from_ndarray(scene.render(number), format="rgb24")
            for packet in stream.encode(image):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)


class _DriftingScene:
    """A background that drifts under a camera, and a few things that move before it."""

    def __init__(self, rng: np.random.Generator, smoothness: float, noise: float) -> None:
        self._background = _build_texture(rng, smoothness)
        self._foreground = _build_texture(rng, smoothness)
        self._drift = rng.uniform(-1.5, 1.5, 2)
        self._objects = [
            (rng.uniform(0, (HEIGHT, WIDTH)), rng.uniform(-4, 4, 2), int(rng.integers(20, 60)))
            for _ in range(4)
        ]
        shape = (4, HEIGHT + 16, WIDTH + 16, 1)
        self._noise = rng.normal(0, noise, shape).astype(np.float32)
        self._shifts = rng.integers(0, 16, (997, 2))

    def render(self, number: int) -> UInt8[np.ndarray, "height width channels"]:
        top, left = (int(x) % (_CANVAS - WIDTH) for x in 400 + self._drift * number)
        image = self._background[top : top + HEIGHT, left : left + WIDTH].copy()
        for position, speed, side in self._objects:
            y, x = (position + speed * number) % (HEIGHT - side, WIDTH - side)
            window = np.s_[int(y) : int(y) + side, int(x) : int(x) + side]
            image[window] = self._foreground[window]
        row, col = self._shifts[number % len(self._shifts)]
        image += self._noise[number % 4, row : row + HEIGHT, col : col + WIDTH]
        return np.clip(image, 0, 255).astype(np.uint8)


def _build_texture(
    rng: np.random.Generator, smoothness: float
) -> Float32[np.ndarray, "side side channels"]:
    """Random fields with about the spectrum of pictures taken with a lens."""
    frequency = np.hypot(np.fft.fftfreq(_CANVAS)[:, None], np.fft.rfftfreq(_CANVAS)[None])
    frequency[0, 0] = 1
    white = rng.normal(size=(3, _CANVAS, _CANVAS))
    field = np.fft.irfft2(np.fft.rfft2(white) / frequency**smoothness, s=(_CANVAS, _CANVAS))
    grey = field.mean(axis=0, keepdims=True)
    field = 0.4 * field + grey * 1.5  # colours of neighbours in a picture are mostly alike
    field = (field - field.mean()) / field.std()
    return (120 + 55 * field).transpose(1, 2, 0).astype(np.float32)
