"""Tables of counts as pictures, and values of classes as bars. Sizes are in pixels.

Axes: classes, as rows (what it is) and columns (what it was taken for).
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from PIL import Image

from videomae2.reports.charts import build_svg, build_text
from videomae2.reports.html import Markup, Number, image, join, tag

_LETTER_WIDTH = 7.2  # about as wide as a letter of the page's plots


_MAX_NAME_LENGTH = 26


_MAX_LABELLED_CLASSES = 40
"""Classes of a matrix that are named and numbered; more become a plain picture."""


_PICTURE_SIDE = 720


@dataclass(frozen=True, slots=True)
class Bar:
    """A value of a class in [0, 1], and between which values it may lie; NaN where not known."""

    name: str
    value: float
    low: float
    high: float
    words: str
    """Stands behind the bar."""


def draw_bars(class_bars: Sequence[Bar], *, words: str) -> Markup:
    """Draw horizontal bars with whiskers, in the order given.

    Args:
        class_bars: At least one.
        words: What they show, for those who cannot see them.
    """
    names = max(len(_shorten(bar.name)) for bar in class_bars) * _LETTER_WIDTH + 16
    text_width = max(len(bar.words) for bar in class_bars) * _LETTER_WIDTH + 16
    width, row = 900.0, 22
    bar_width = width - names - text_width
    pieces = []
    for number, bar in enumerate(class_bars):
        y = number * row + 3
        pieces.append(build_text(names - 8, y + 12, _shorten(bar.name), anchor="end"))
        pieces.append(tag("rect", x=names, y=y, width=bar_width, height=row - 6, class_="track"))
        if not np.isnan(bar.value):
            filled_width = max(1.0, bar.value * bar_width)
            pieces.append(
                tag("rect", x=names, y=y, width=filled_width, height=row - 6, class_="bar")
            )
        if not np.isnan(bar.low):
            ends = {"x1": names + bar.low * bar_width, "x2": names + bar.high * bar_width}
            middle = y + (row - 6) / 2
            pieces.append(tag("line", **ends, y1=middle, y2=middle, class_="whisker"))
            for x in ends.values():
                end = {"x1": x, "x2": x, "y1": middle - 3, "y2": middle + 3}
                pieces.append(tag("line", **end, class_="whisker"))
        pieces.append(build_text(names + bar_width + 8, y + 12, bar.words, faint=True))
    return build_svg(int(width), len(class_bars) * row + 4, join(pieces), words=words)


def draw_confusion_matrix(
    confusion: Int64[np.ndarray, "classes classes"], names: Sequence[str], *, words: str
) -> Markup:
    """Draw which class was taken for which, each row as shares of its videos.

    Up to 40 classes are named and their counts written; more become a picture without letters, in
    which one pixel or more stands for a pair.
    """
    total = np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    shares: Float64[np.ndarray, "classes classes"] = confusion / total
    if len(names) > _MAX_LABELLED_CLASSES:
        return _draw_pixels(shares, words)
    return _draw_labelled(confusion, shares, names, words)


def _draw_labelled(
    confusion: np.ndarray, shares: np.ndarray, names: Sequence[str], words: str
) -> Markup:
    count = len(names)
    side = max(22, min(64, 620 // count))
    left = max(len(_shorten(name)) for name in names) * _LETTER_WIDTH + 14
    top = left * 0.72 + 8
    pieces = []
    for i, name in enumerate(names):
        middle = i * side + side / 2
        pieces.append(build_text(left - 8, top + middle + 4, _shorten(name), anchor="end"))
        x, y = left + middle, top - 8
        turn = f"rotate(-45 {x:.1f} {y:.1f})"
        pieces.append(tag("text", _shorten(name), x=x, y=y, transform=turn))
        for j in range(count):
            pieces += _draw_cell(
                confusion, shares, (i, j), left + j * side, top + i * side, side, names
            )
    width = int(left + count * side + 0.72 * left)
    return build_svg(width, int(top + count * side + 4), join(pieces), words=words)


def _draw_cell(
    confusion: np.ndarray,
    shares: np.ndarray,
    cell: tuple[int, int],
    x: Number,
    y: Number,
    side: int,
    names: Sequence[str],
) -> list[Markup]:
    share, videos = float(shares[cell]), int(confusion[cell])
    tip = tag("title", f"{names[cell[0]]} taken for {names[cell[1]]}: {videos}")
    color = "f0" if cell[0] == cell[1] else "f1"
    back = tag("rect", x=x, y=y, width=side, height=side, class_="track cell")
    box = {"x": x, "y": y, "width": side, "height": side}
    front = tag("rect", tip, **box, class_=f"{color} cell", fill_opacity=share)
    if not videos:
        return [back, front]
    kind = "oncell" if share > 0.55 else ""
    number = build_text(x + side / 2, y + side / 2 + 4, str(videos), anchor="middle", kind=kind)
    return [back, front, number]


def _draw_pixels(shares: np.ndarray, words: str) -> Markup:
    """One or more pixels a pair: what is right in blue, mistakes in red, both darker with share."""
    depth = np.sqrt(shares)  # few mistakes would not be seen otherwise
    right = np.eye(len(shares), dtype=bool)
    if len(shares) > _PICTURE_SIDE // 3:  # nor would single pixels
        right, depth = (
            _dilate(right),
            np.where(_dilate(right), _dilate(depth * right), _dilate(depth)),
        )
    depth, right = depth[..., None], right[..., None]
    ink = np.where(right, (31, 78, 140), (185, 28, 28))
    colors = (255 * (1 - depth) + ink * depth).round().astype(np.uint8)
    times = max(1, _PICTURE_SIDE // len(shares))
    enlarged = colors.repeat(times, axis=0).repeat(times, axis=1)
    out = io.BytesIO()
    Image.fromarray(enlarged).save(out, format="PNG", optimize=True)
    return image(out.getvalue(), "png", words=words)


def _dilate(values: np.ndarray) -> np.ndarray:
    """The largest value around each one."""
    padded = np.pad(values, 1)
    count = len(values)
    around = [padded[i : i + count, j : j + count] for i in range(3) for j in range(3)]
    dilated: np.ndarray = np.maximum.reduce(around)
    return dilated


def _shorten(name: str) -> str:
    return name if len(name) <= _MAX_NAME_LENGTH else name[: _MAX_NAME_LENGTH - 1] + "…"
