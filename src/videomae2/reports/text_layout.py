"""Text in pictures: fonts, colours, and text that keeps to its width.

Sizes are in pixels; a picture is a pillow image in RGB.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, int, int]


BACKGROUND: Color = (255, 255, 255)


TEXT_COLOR: Color = (24, 27, 32)


MUTED_TEXT_COLOR: Color = (99, 106, 117)


_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class TextStyle:
    """How a piece of text looks."""

    size: int
    bold: bool = False
    color: Color = TEXT_COLOR

    @property
    def line_height(self) -> int:
        """From one line to the next."""
        return round(self.size * 1.4)


class ImageCanvas:
    """A picture to be filled with panels and text."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width, height), BACKGROUND)
        self._draw = ImageDraw.Draw(self.image)

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
        candidate = f"{start}{_ELLIPSIS}{end}"
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
def load_font(style: TextStyle) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings along."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if style.bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, style.size)
