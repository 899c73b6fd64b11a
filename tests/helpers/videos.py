"""Small test videos whose frames carry their number, and what a plain decoder makes of a file."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

ZOO = Path(__file__).resolve().parents[3] / "shared" / "data" / "zoo"
BITS = 8


def numbered(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Paint a number as 2x4 light and dark blocks over some noise: uint8 [height, width, 3]."""
    rng = np.random.default_rng(number)
    bits = np.array([number >> i & 1 for i in range(BITS)]).reshape(2, 4)
    rows, cols = np.arange(height) * 2 // height, np.arange(width) * 4 // width
    light = np.where(bits[rows][:, cols], 200.0, 60.0)[..., None]
    return (light + rng.uniform(-25, 25, (height, width, 3))).astype(np.uint8)


def number_of(frame: np.ndarray) -> int:
    """Read the number that `numbered` painted, from a frame of any size."""
    height, width = frame.shape[:2]
    centres = frame[height // 4 :: height // 2][:2, width // 8 :: width // 4][:, :4]
    around = [frame[r - 1 : r + 2, c - 1 : c + 2].mean() for r, c in _centres(height, width)]
    assert centres.shape[:2] == (2, 4)
    return sum(int(value > 130) << i for i, value in enumerate(around))


def save_wide(place, kind, bits):
    """Twelve frames of so many bits in 16, as a folder, a file of pages or an array."""
    most = (1 << bits) - 1
    frames = [(numbered(n)[:, :, 0] * (most / 255)).astype(np.uint16) for n in range(12)]
    if kind == "npy":
        np.save(place / "a.npy", frames)
    elif kind == "tif":
        first, *more = [Image.fromarray(frame) for frame in frames]
        first.save(place / "a.tif", save_all=True, append_images=more)
    else:
        (place / "a.png").mkdir()
        for number, frame in enumerate(frames):
            Image.fromarray(frame).save(place / "a.png" / f"{number}.png")
    return place / f"a.{kind}"


def _centres(height: int, width: int) -> list[tuple[int, int]]:
    return [((2 * r + 1) * height // 4, (2 * c + 1) * width // 8) for r in (0, 1) for c in range(4)]


def encode(
    path: Path,
    codec: str = "libx264",
    *,
    frames: int = 60,
    size: tuple[int, int] = (48, 64),
    pix_fmt: str = "yuv420p",
    gop: int = 12,
    options: dict[str, str] | None = None,
    times: Sequence[int] | None = None,
    container: str | None = None,
    container_options: dict[str, str] | None = None,
    audio_first: bool = False,
    second_video: bool = False,
) -> Path:
    """Encode the frames 0, 1, 2, ... at 25 a second, or at `times` (in 1/1000 s)."""
    with av.open(str(path), "w", format=container, options=container_options or {}) as box:
        sound = box.add_stream("aac", rate=16000) if audio_first else None
        stream = _stream(box, codec, size, pix_fmt, gop, options or {})
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        other = _stream(box, codec, size, pix_fmt, gop, options or {}) if second_video else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(numbered(number, *size), format="rgb24")
            frame.time_base = Fraction(1, 1000) if times else Fraction(1, 25)
            frame.pts = times[number] if times else number
            box.mux(stream.encode(frame))
            if other is not None:
                blank = av.VideoFrame.from_ndarray(np.zeros((*size, 3), np.uint8), format="rgb24")
                blank.pts, blank.time_base = number, Fraction(1, 25)
                box.mux(other.encode(blank))
            if sound is not None:
                box.mux(sound.encode(_silence(number)))
        for each in (stream, other, sound):
            box.mux(each.encode(None) if each is not None else [])
    return path


def _stream(box, codec, size, pix_fmt, gop, options):
    stream = box.add_stream(codec, rate=25)
    stream.height, stream.width = size
    stream.pix_fmt, stream.gop_size, stream.options = pix_fmt, gop, options
    stream.codec_context.thread_count = 1
    return stream


def _silence(number: int) -> av.AudioFrame:
    sound = av.AudioFrame.from_ndarray(np.zeros((1, 640), np.float32), format="fltp", layout="mono")
    sound.sample_rate, sound.pts = 16000, number * 640
    return sound


def patch(path: Path, tag: bytes, offset: int, data: bytes) -> Path:
    """Write bytes into an MP4, `offset` after the name of its first box called `tag`."""
    content = bytearray(path.read_bytes())
    at = content.index(tag) + offset
    content[at : at + len(data)] = data
    path.write_bytes(content)
    return path


def set_matrix(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """Set the display matrix of an MP4: (x, y) is shown at (a x + c y, b x + d y)."""
    one = 1 << 16
    rows = (a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    return patch(path, b"tkhd", 44, struct.pack(">9i", *rows))


def plain_decode(path: Path, pixels: str = "rgb24") -> list[np.ndarray]:
    """Decode a whole file in order with plain PyAV and its own rotation: what is to be met."""
    scaler, frames = av.video.reformatter.VideoReformatter(), []
    with av.open(str(path)) as box:
        stream = box.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        for frame in box.decode(stream):
            flat = scaler.reformat(frame, format=pixels, threads=1).to_ndarray()
            frames.append(np.rot90(flat, round(frame.rotation / 90) % 4))
    return frames
