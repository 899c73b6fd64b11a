"""Pictures of pixels: boxes, text that keeps to its width, enlarged frames, filmstrips, PNG files.

Sizes are in pixels. Axes: height, width, rgb. Pillow is imported where a picture is made.
"""

import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import UInt8

from videomae2.base.files import atomic_write

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

Color = tuple[int, int, int]
Picture = UInt8[np.ndarray, "height width rgb"]

BACKGROUND: Color = (255, 255, 255)
TEXT_COLOR: Color = (24, 27, 32)
MUTED_TEXT_COLOR: Color = (99, 106, 117)

_STRIP_QUALITY, _STRIP_GAP, _STRIP_HEIGHT = 80, 3, 104
_MIN_ASPECT, _MAX_ASPECT = 4 / 5, 16 / 9  # width over height; what is beyond is cut off


@dataclass(frozen=True, slots=True)
class TextStyle:
    """How a piece of text looks."""

    size: int
    bold: bool = False
    color: Color = TEXT_COLOR

    @property
    def line_height(self) -> int:
        return round(self.size * 1.4)


class ImageCanvas:
    """A picture to be filled with frames, boxes and text."""

    def __init__(self, width: int, height: int) -> None:
        from PIL import Image, ImageDraw

        self._image = Image.new("RGB", (width, height), BACKGROUND)
        self._draw = ImageDraw.Draw(self._image)

    @property
    def pixels(self) -> Picture:
        return np.asarray(self._image)

    def draw_text(self, x: int, y: int, text: str, style: TextStyle, *, anchor: str = "la") -> None:
        """Write a line at a place; anchors are those of pillow, ``la`` is the upper left."""
        self._draw.text((x, y), text, fill=style.color, font=load_font(style), anchor=anchor)

    def fill_box(self, x: int, y: int, width: int, height: int, color: Color) -> None:
        """Fill a rectangle; of no width or height it is none."""
        if width > 0 and height > 0:
            self._draw.rectangle((x, y, x + width - 1, y + height - 1), fill=color)

    def draw_lines(self, x: int, y: int, lines: list[str], style: TextStyle) -> int:
        """Write lines one below the other; give where the next would stand."""
        for row, line in enumerate(lines):
            self.draw_text(x, y + row * style.line_height, line, style)
        return y + len(lines) * style.line_height

    def paste(self, x: int, y: int, picture: Picture) -> None:
        from PIL import Image

        self._image.paste(Image.fromarray(np.ascontiguousarray(picture)), (x, y))

    def write_png(self, path: Path) -> Path:
        with atomic_write(path) as partial:
            self._image.save(partial, format="PNG")
        return path


def measure_text(text: str, style: TextStyle) -> int:
    """How wide a line is."""
    return round(load_font(style).getlength(text))


def ellipsize(text: str, width: int, style: TextStyle) -> str:
    """Take out of the middle of a text what does not fit."""
    num_kept = len(text)
    while measure_text(text, style) > width and num_kept > 2:
        num_kept -= 1
        half = num_kept // 2
        start, end = text[: num_kept - half], text[len(text) - half :]
        candidate = f"{start}…{end}"
        if measure_text(candidate, style) <= width:
            return candidate
    return text


def wrap_text(text: str, width: int, style: TextStyle) -> list[str]:
    """Break a text between words into lines that fit."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and measure_text(longer, style) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


@lru_cache
def load_font(style: TextStyle) -> "FreeTypeFont":
    """DejaVu Sans, which matplotlib brings along."""
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if style.bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, style.size)


def to_rgb(frame: UInt8[np.ndarray, "height width channels"]) -> Picture:
    """Three channels to look at: the first three, or the first one in grey."""
    if frame.shape[2] >= 3:
        return frame[:, :, :3]
    return frame[:, :, :1].repeat(3, axis=2)


def enlarge(
    picture: Picture, scale: int, *, resampling: Literal["BILINEAR", "BICUBIC"] = "BICUBIC"
) -> UInt8[np.ndarray, "large_height large_width rgb"]:
    """Make a picture a whole number of times larger."""
    if scale == 1:
        return picture
    from PIL import Image

    height, width = picture.shape[:2]
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize((width * scale, height * scale), Image.Resampling[resampling]))


def round_up_to_even(pixels: int) -> int:
    """The side of a picture of a video: codecs want even ones."""
    return pixels + pixels % 2


def select_frame_numbers(count: int, frames: int) -> list[int]:
    """Frames of a clip at equal distances, beginning with the first."""
    return [number * frames // count for number in range(count)]


def encode_filmstrip(
    clip: UInt8[np.ndarray, "frames height width channels"], *, num_frames: int = 4
) -> bytes:
    """Write some frames of a clip, at equal distances, next to each other, as JPEG."""
    from PIL import Image

    frames = _cut_middle(clip)
    width = max(1, round(frames.shape[2] * _STRIP_HEIGHT / frames.shape[1]))
    numbers = select_frame_numbers(min(num_frames, len(clip)), len(clip))
    step = width + _STRIP_GAP
    canvas = Image.new("RGB", (len(numbers) * step - _STRIP_GAP, _STRIP_HEIGHT), BACKGROUND)
    for position, number in enumerate(numbers):
        picture = Image.fromarray(np.ascontiguousarray(to_rgb(frames[number])))
        picture = picture.resize((width, _STRIP_HEIGHT), Image.Resampling.BICUBIC)
        canvas.paste(picture, (position * step, 0))
    out = io.BytesIO()
    canvas.save(out, format="JPEG", quality=_STRIP_QUALITY)
    return out.getvalue()


def _cut_middle(clip: np.ndarray) -> UInt8[np.ndarray, "frames cut_height cut_width channels"]:
    height, width = clip.shape[1:3]
    cut_width = max(1, min(width, int(height * _MAX_ASPECT)))
    cut_height = max(1, min(height, int(width / _MIN_ASPECT)))
    top, left = (height - cut_height) // 2, (width - cut_width) // 2
    return clip[:, top : top + cut_height, left : left + cut_width]
