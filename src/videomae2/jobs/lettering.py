"""Text in pictures: fonts, colours, and text that keeps to its width.

Sizes are in pixels; a picture is a pillow image in RGB.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, int, int]

PAPER: Color = (255, 255, 255)
INK: Color = (24, 27, 32)
FAINT_INK: Color = (99, 106, 117)

_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Style:
    """How a piece of text looks."""

    size: int
    bold: bool = False
    color: Color = INK

    @property
    def line_height(self) -> int:
        """From one line to the next."""
        return round(self.size * 1.4)


class Page:
    """A picture to be filled with panels and text."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width, height), PAPER)
        self._draw = ImageDraw.Draw(self.image)

    def text(self, x: int, y: int, text: str, style: Style, *, anchor: str = "la") -> None:
        """Write a line at a place; anchors are those of pillow, ``la`` is the upper left."""
        self._draw.text((x, y), text, fill=style.color, font=font(style), anchor=anchor)

    def box(self, x: int, y: int, width: int, height: int, color: Color) -> None:
        """Fill a rectangle; of no width or height it is none."""
        if width > 0 and height > 0:
            self._draw.rectangle((x, y, x + width - 1, y + height - 1), fill=color)

    def lines(self, x: int, y: int, lines: list[str], style: Style) -> int:
        """Write lines one below the other; give where the next would stand."""
        for number, line in enumerate(lines):
            self.text(x, y + number * style.line_height, line, style)
        return y + len(lines) * style.line_height


def text_width(text: str, style: Style) -> int:
    """How wide a line is."""
    return round(font(style).getlength(text))


def shortened(text: str, width: int, style: Style) -> str:
    """Take out of the middle of a text what does not fit."""
    kept = len(text)
    while text_width(text, style) > width and kept > 2:
        kept -= 1
        half = kept // 2
        start, end = text[: kept - half], text[len(text) - half :]
        candidate = f"{start}{_ELLIPSIS}{end}"
        if text_width(candidate, style) <= width:
            return candidate
    return text


def wrapped(text: str, width: int, style: Style) -> list[str]:
    """Break a text between words into lines that fit."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, style) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


@lru_cache
def font(style: Style) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings along."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if style.bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, style.size)
