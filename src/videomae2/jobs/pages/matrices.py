"""Tables of counts as pictures, and values of classes as bars. Sizes are in pixels.

Axes: classes, as rows (what it is) and columns (what it was taken for).
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from PIL import Image

from videomae2.jobs.pages.axes import svg, text
from videomae2.jobs.pages.markup import Markup, Number, image, joined, tag

_LETTER = 7.2  # about as wide as a letter of the page's plots
_LONGEST = 26
_MOST_LETTERED = 40
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


def bars(found: Sequence[Bar], *, words: str) -> Markup:
    """Draw horizontal bars with whiskers, in the order given.

    Args:
        found: At least one.
        words: What they show, for those who cannot see them.
    """
    names = max(len(_short(bar.name)) for bar in found) * _LETTER + 16
    behind = max(len(bar.words) for bar in found) * _LETTER + 16
    width, row = 900.0, 22
    room = width - names - behind
    pieces = []
    for number, bar in enumerate(found):
        y = number * row + 3
        pieces.append(text(names - 8, y + 12, _short(bar.name), anchor="end"))
        pieces.append(tag("rect", x=names, y=y, width=room, height=row - 6, class_="track"))
        if not np.isnan(bar.value):
            wide = max(1.0, bar.value * room)
            pieces.append(tag("rect", x=names, y=y, width=wide, height=row - 6, class_="bar"))
        if not np.isnan(bar.low):
            ends = {"x1": names + bar.low * room, "x2": names + bar.high * room}
            middle = y + (row - 6) / 2
            pieces.append(tag("line", **ends, y1=middle, y2=middle, class_="whisker"))
            for x in ends.values():
                end = {"x1": x, "x2": x, "y1": middle - 3, "y2": middle + 3}
                pieces.append(tag("line", **end, class_="whisker"))
        pieces.append(text(names + room + 8, y + 12, bar.words, faint=True))
    return svg(int(width), len(found) * row + 4, joined(pieces), words=words)


def confusion_picture(
    confusion: Int64[np.ndarray, "classes classes"], names: Sequence[str], *, words: str
) -> Markup:
    """Draw which class was taken for which, each row as shares of its videos.

    Up to 40 classes are named and their counts written; more become a picture without letters, in
    which one pixel or more stands for a pair.
    """
    total = np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    shares: Float64[np.ndarray, "classes classes"] = confusion / total
    if len(names) > _MOST_LETTERED:
        return _plain(shares, words)
    return _lettered(confusion, shares, names, words)


def _lettered(
    confusion: np.ndarray, shares: np.ndarray, names: Sequence[str], words: str
) -> Markup:
    count = len(names)
    side = max(22, min(64, 620 // count))
    left = max(len(_short(name)) for name in names) * _LETTER + 14
    top = left * 0.72 + 8
    pieces = []
    for i, name in enumerate(names):
        middle = i * side + side / 2
        pieces.append(text(left - 8, top + middle + 4, _short(name), anchor="end"))
        x, y = left + middle, top - 8
        turn = f"rotate(-45 {x:.1f} {y:.1f})"
        pieces.append(tag("text", _short(name), x=x, y=y, transform=turn))
        for j in range(count):
            pieces += _cell(confusion, shares, (i, j), left + j * side, top + i * side, side, names)
    width = int(left + count * side + 0.72 * left)
    return svg(width, int(top + count * side + 4), joined(pieces), words=words)


def _cell(
    confusion: np.ndarray,
    shares: np.ndarray,
    place: tuple[int, int],
    x: Number,
    y: Number,
    side: int,
    names: Sequence[str],
) -> list[Markup]:
    share, videos = float(shares[place]), int(confusion[place])
    tip = tag("title", f"{names[place[0]]} taken for {names[place[1]]}: {videos}")
    color = "f0" if place[0] == place[1] else "f1"
    back = tag("rect", x=x, y=y, width=side, height=side, class_="track cell")
    box = {"x": x, "y": y, "width": side, "height": side}
    front = tag("rect", tip, **box, class_=f"{color} cell", fill_opacity=share)
    if not videos:
        return [back, front]
    kind = "oncell" if share > 0.55 else ""
    number = text(x + side / 2, y + side / 2 + 4, str(videos), anchor="middle", kind=kind)
    return [back, front, number]


def _plain(shares: np.ndarray, words: str) -> Markup:
    """One or more pixels a pair: what is right in blue, mistakes in red, both darker with share."""
    depth = np.sqrt(shares)  # few mistakes would not be seen otherwise
    right = np.eye(len(shares), dtype=bool)
    if len(shares) > _PICTURE_SIDE // 3:  # nor would single pixels
        right, depth = _grown(right), np.where(_grown(right), _grown(depth * right), _grown(depth))
    depth, right = depth[..., None], right[..., None]
    ink = np.where(right, (31, 78, 140), (185, 28, 28))
    colors = (255 * (1 - depth) + ink * depth).round().astype(np.uint8)
    times = max(1, _PICTURE_SIDE // len(shares))
    enlarged = colors.repeat(times, axis=0).repeat(times, axis=1)
    out = io.BytesIO()
    Image.fromarray(enlarged).save(out, format="PNG", optimize=True)
    return image(out.getvalue(), "png", words=words)


def _grown(values: np.ndarray) -> np.ndarray:
    """The largest value around each one."""
    padded = np.pad(values, 1)
    count = len(values)
    around = [padded[i : i + count, j : j + count] for i in range(3) for j in range(3)]
    grown: np.ndarray = np.maximum.reduce(around)
    return grown


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
