"""A sheet of film strips, one below the other, each with what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from videomae2.base.names import printable_name
from videomae2.reports.image_canvas import (
    MUTED_TEXT_COLOR,
    ImageCanvas,
    Picture,
    TextStyle,
    ellipsize,
    to_rgb,
)

STRIP_FRAMES = 6
"""Pictures of a strip."""

_WIDTH, _HEIGHT, _GAP, _MARGIN = 176, 100, 4, 16
_TITLE = TextStyle(15, bold=True)
_DETAIL = TextStyle(13, color=MUTED_TEXT_COLOR)
_HEADING = TextStyle(19, bold=True)
_MISSING = (233, 235, 239)


@dataclass(frozen=True, slots=True)
class Strip:
    """Frames of a video; without any its place stays grey."""

    title: str
    detail: str
    frames: Sequence[np.ndarray] = field(default_factory=list)
    heading: str = ""
    """Stands above it, where a new kind of strips begins."""


def write_contact_sheet(strips: Sequence[Strip], path: Path) -> Path:
    """Draw strips into a PNG file."""
    width = 2 * _MARGIN + STRIP_FRAMES * (_WIDTH + _GAP) - _GAP
    strip_height = _TITLE.line_height + _HEIGHT + 14
    heading_height = _HEADING.line_height + 6
    height = 2 * _MARGIN + len(strips) * strip_height
    height += heading_height * sum(bool(strip.heading) for strip in strips)
    canvas, y = ImageCanvas(width, height), _MARGIN
    for strip in strips:
        if strip.heading:
            canvas.draw_text(_MARGIN, y, strip.heading, _HEADING)
            y += heading_height
        _draw_strip(canvas, strip, y, width)
        y += strip_height
    path.parent.mkdir(parents=True, exist_ok=True)
    return canvas.write_png(path)


def _draw_strip(canvas: ImageCanvas, strip: Strip, y: int, width: int) -> None:
    half = width // 2 - _MARGIN
    title = ellipsize(printable_name(strip.title), half, _TITLE)
    canvas.draw_text(_MARGIN, y, title, _TITLE)
    canvas.draw_text(width - _MARGIN, y, strip.detail, _DETAIL, anchor="ra")
    top = y + _TITLE.line_height
    for number in range(STRIP_FRAMES):
        x = _MARGIN + number * (_WIDTH + _GAP)
        canvas.fill_box(x, top, _WIDTH, _HEIGHT, _MISSING)
        if number < len(strip.frames):
            picture = fit_picture(to_rgb(strip.frames[number]), _WIDTH, _HEIGHT)
            height_left, width_left = _HEIGHT - picture.shape[0], _WIDTH - picture.shape[1]
            canvas.paste(x + width_left // 2, top + height_left // 2, picture)


def fit_picture(
    picture: Picture, width: int, height: int
) -> UInt8[np.ndarray, "fit_height fit_width rgb"]:
    """Resize a picture until it just fits into a box."""
    from PIL import Image

    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))
