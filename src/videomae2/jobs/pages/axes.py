"""The frame of a plot: scales, ticks, grid and labels, as SVG. Sizes are in pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from videomae2.jobs.pages.markup import Markup, Number, join, tag

_LEFT, _RIGHT, _TOP, _BOTTOM = 68, 24, 14, 44


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from ``low`` to ``high`` to pixels; by logarithms where that is asked for."""

    low: Number
    high: Number
    first: Number
    """Pixel of ``low``."""
    last: Number
    """Pixel of ``high``."""
    log: bool = False

    def __call__(self, value: Number) -> Number:
        low, high = self.low, self.high
        if self.log:
            value, low, high = (math.log(x) for x in (value, low, high))
        return self.first + (value - low) / (high - low) * (self.last - self.first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """A plot to be filled."""

    x: Scale
    y: Scale
    width: int
    height: int
    x_ticks: Sequence[Number]
    y_ticks: Sequence[Number]
    x_label: str
    y_label: str
    percent: tuple[bool, bool]

    def draw(self, *pieces: Markup, words: str) -> Markup:
        """The whole plot with some pieces in it; ``words`` say what it shows."""
        content = join([self._draw_grid(), *pieces])
        return build_svg(self.width, self.height, content, words=words)

    def _draw_grid(self) -> Markup:
        elements = []
        left, right, bottom = self.x.first, self.x.last, self.y.first
        for value in self.y_ticks:
            y = self.y(value)
            elements.append(tag("line", x1=left, x2=right, y1=y, y2=y, class_="grid"))
            elements.append(build_text(left - 8, y + 4, format_tick(value, self.percent[1]), anchor="end"))
        for value in self.x_ticks:
            x = self.x(value)
            elements.append(tag("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="axis"))
            elements.append(build_text(x, bottom + 18, format_tick(value, self.percent[0]), anchor="middle"))
        elements.append(tag("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="axis"))
        middle = (self.x.first + self.x.last) / 2
        elements.append(build_text(middle, self.height - 6, self.x_label, anchor="middle", faint=True))
        y = (self.y.first + self.y.last) / 2
        y_title = tag(
            "text",
            self.y_label,
            x=14,
            y=y,
            class_="faint",
            text_anchor="middle",
            transform=f"rotate(-90 14 {y:.1f})",
        )
        return join([*elements, y_title])


def make_axes(
    x: tuple[Number, Number],
    y: tuple[Number, Number],
    *,
    x_label: str,
    y_label: str,
    size: tuple[int, int] = (480, 300),
    percent: tuple[bool, bool] = (False, False),
    log_y: bool = False,
    x_ticks: Sequence[Number] | None = None,
) -> Axes:
    """Make the frame of a plot.

    Args:
        x: Least and largest value; widened where they are equal.
        y: The same upwards.
        x_label: What the values are.
        y_label: What the others are.
        size: Width and height.
        percent: Whether the ticks along x and y are written in percent.
        log_y: Logarithms upwards.
        x_ticks: Where ticks are along x, in place of round values.
    """
    (x_low, x_high), (y_low, y_high) = _widen_if_equal(*x), _widen_if_equal(*y)
    width, height = size
    return Axes(
        x=Scale(x_low, x_high, _LEFT, width - _RIGHT),
        y=Scale(y_low, y_high, height - _BOTTOM, _TOP, log=log_y),
        width=width,
        height=height,
        x_ticks=list_round_ticks(x_low, x_high) if x_ticks is None else x_ticks,
        y_ticks=_list_log_ticks(y_low, y_high) if log_y else list_round_ticks(y_low, y_high),
        x_label=x_label,
        y_label=y_label,
        percent=percent,
    )


def list_round_ticks(low: Number, high: Number, max_ticks: int = 6) -> list[float]:
    """Round values within limits, at most so many."""
    for power in range(math.floor(math.log10(high - low)) - 1, 400):
        for unit in (1, 2, 2.5, 5):
            step = unit * 10.0**power
            first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
            if last - first + 1 <= max_ticks:
                return [i * step for i in range(first, last + 1)]
    return [low, high]


def _list_log_ticks(low: Number, high: Number) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [unit * 10.0**power for power in powers for unit in (1, 2, 5)]
    inside = [value for value in values if low <= value <= high]
    return inside if len(inside) <= 8 else inside[:: -(-len(inside) // 8)]


def format_tick(value: Number, percent: bool = False) -> str:
    """A tick in words."""
    value = 0.0 if abs(value) < 1e-12 else value
    return f"{100 * value:.4g}%" if percent else f"{value:,.6g}"


def build_svg(width: int, height: int, content: Markup, *, words: str) -> Markup:
    """A drawing; ``words`` say what it shows to those who cannot see it."""
    return tag(
        "svg",
        content,
        width=width,
        height=height,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=words,
    )


def build_text(
    x: Number, y: Number, words: str, *, anchor: str = "start", faint: bool = False, kind: str = ""
) -> Markup:
    """A line of text in a drawing."""
    css_class = " ".join(filter(None, ["faint" if faint else "", kind]))
    return tag("text", words, x=x, y=y, text_anchor=anchor, **({"class_": css_class} if css_class else {}))


def _widen_if_equal(low: Number, high: Number) -> tuple[Number, Number]:
    return (low, high) if high > low else (low - 0.5, low + 0.5)
