"""Videos made up for measuring: textures that drift, things that move, the noise of a camera.

Axes: height, width, channels.
"""

from collections.abc import Iterable, Iterator
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

Image = UInt8[np.ndarray, "height width channels"]


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
        _write_video(path, _draw_scene(rng, frames, smoothness, noise))
    return paths


def add_h264_stream(container: OutputContainer, rate: int | Fraction) -> VideoStream:
    """The stream of a file that is to be measured."""
    stream = container.add_stream("libx264", rate=rate)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.gop_size = KEY_FRAME_EVERY
    stream.time_base = 1 / Fraction(rate)
    stream.options = {"crf": "23", "preset": "fast", "sc_threshold": "0", "threads": "1"}
    return stream


def _write_video(path: Path, images: Iterable[Image]) -> None:
    with av.open(str(path), "w") as container:
        stream = add_h264_stream(container, RATE)
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def _draw_scene(
    rng: np.random.Generator, frames: int, smoothness: float, noise: float
) -> Iterator[Image]:
    """A background that drifts under a camera, and a few things that move before it."""
    background, foreground = (_build_texture(rng, smoothness) for _ in range(2))
    drift = rng.uniform(-1.5, 1.5, 2)
    objects = [
        (rng.uniform(0, (HEIGHT, WIDTH)), rng.uniform(-4, 4, 2), int(rng.integers(20, 60)))
        for _ in range(4)
    ]
    noises = rng.normal(0, noise, (4, HEIGHT + 16, WIDTH + 16, 1)).astype(np.float32)
    shifts = rng.integers(0, 16, (997, 2))
    for number in range(frames):
        top, left = (int(x) % (_CANVAS - WIDTH) for x in 400 + drift * number)
        image = background[top : top + HEIGHT, left : left + WIDTH].copy()
        for position, speed, side in objects:
            y, x = (position + speed * number) % (HEIGHT - side, WIDTH - side)
            window = np.s_[int(y) : int(y) + side, int(x) : int(x) + side]
            image[window] = foreground[window]
        row, col = shifts[number % len(shifts)]
        image += noises[number % 4, row : row + HEIGHT, col : col + WIDTH]
        yield np.clip(image, 0, 255).astype(np.uint8)


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
