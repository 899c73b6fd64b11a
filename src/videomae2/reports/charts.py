"""Plots of one number against another, as SVG: lines, points, reliability. Sizes are in pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from videomae2.metrics.calibration import Reliability
from videomae2.reports.html import NUM_SERIES_COLORS, Markup, Number, join, tag

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
            elements.append(
                build_text(left - 8, y + 4, format_tick(value, self.percent[1]), anchor="end")
            )
        for value in self.x_ticks:
            x = self.x(value)
            elements.append(tag("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="axis"))
            elements.append(
                build_text(x, bottom + 18, format_tick(value, self.percent[0]), anchor="middle")
            )
        elements.append(tag("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="axis"))
        middle = (self.x.first + self.x.last) / 2
        elements.append(
            build_text(middle, self.height - 6, self.x_label, anchor="middle", faint=True)
        )
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
    return tag(
        "text", words, x=x, y=y, text_anchor=anchor, **({"class_": css_class} if css_class else {})
    )


def _widen_if_equal(low: Number, high: Number) -> tuple[Number, Number]:
    return (low, high) if high > low else (low - 0.5, low + 0.5)


_MAX_POINTS = 600


_LEGEND_HEIGHT = 20


@dataclass(frozen=True, slots=True)
class Series:
    """A line of a plot."""

    name: str
    x: Sequence[Number]
    y: Sequence[Number]
    """Where it is not finite the line has a gap."""
    color: int = 0
    """Which of the page's colours."""
    is_faint: bool = False
    has_dots: bool = False


def draw_line_chart(
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    words: str,
    percent: bool = False,
    log_y: bool = False,
    x_ticks: Sequence[Number] | None = None,
    size: tuple[int, int] = (480, 300),
) -> Markup:
    """Draw lines with a legend; long ones are thinned out.

    Args:
        series: At least one, with a finite value.
        x_label: What stands along x.
        y_label: What stands upwards.
        words: What the plot shows, for those who cannot see it.
        percent: The values upwards are written in percent.
        log_y: Logarithms upwards; values must be above 0.
        x_ticks: Where ticks are along x.
        size: Width and height in pixels, without the legend.
    """
    xs = [x for one in series for x in one.x]
    ys = [y for one in series for y in one.y if math.isfinite(y)]
    low, high = min(ys), max(ys)
    if not log_y:
        margin = 0.06 * (high - low) or 0.02 * (abs(high) or 1)
        low, high = low - margin, high + margin
        if percent:
            low, high = max(0.0, low), min(1.0, high)
    plot_axes = make_axes(
        (min(xs), max(xs)),
        (low, high),
        x_label=x_label,
        y_label=y_label,
        size=size,
        percent=(False, percent),
        log_y=log_y,
        x_ticks=x_ticks,
    )
    plot = plot_axes.draw(*(_draw_line(plot_axes, one) for one in series), words=words)
    return _draw_legend(series, size[0]) + plot if len(series) > 1 else plot


def draw_scatter_chart(
    x: Sequence[Number], y: Sequence[Number], *, x_label: str, y_label: str, words: str
) -> Markup:
    """Draw points and the line where both are equal; of very many, some spread evenly."""
    step = -(-len(x) // (4 * _MAX_POINTS))
    low, high = min(*x, *y), max(*x, *y)
    plot_axes = make_axes(
        (low, high), (low, high), x_label=x_label, y_label=y_label, size=(420, 380)
    )
    corners = _build_path(
        [(plot_axes.x(low), plot_axes.y(low)), (plot_axes.x(high), plot_axes.y(high))]
    )
    dots = (
        tag(
            "circle",
            cx=plot_axes.x(one),
            cy=plot_axes.y(other),
            r=3,
            class_="f0",
            fill_opacity=0.55,
        )
        for one, other in zip(x[::step], y[::step], strict=True)
    )
    return plot_axes.draw(tag("path", d=corners, class_="dash"), *dots, words=words)


def draw_reliability_chart(reliability: Reliability, *, words: str) -> Markup:
    """Draw how often the model is right against how sure it is, and how many videos are where."""
    plot_axes = make_axes(
        (0.0, 1.0),
        (0.0, 1.0),
        x_label="probability of the predicted class",
        y_label="share that is right",
        percent=(True, True),
        size=(440, 340),
    )
    pieces = [
        tag(
            "path",
            d=_build_path([(plot_axes.x(p), plot_axes.y(p)) for p in (0.0, 1.0)]),
            class_="dash",
        )
    ]
    max_count, floor = int(reliability.count.max()), plot_axes.y(0.0)
    for number in np.flatnonzero(reliability.count).tolist():
        left, right = (
            plot_axes.x(edge) for edge in reliability.edges[number : number + 2].tolist()
        )
        count, height = int(reliability.count[number]), floor - plot_axes.y(1.0)
        tall = 0.25 * height * count / max_count
        box = {"x": left + 1, "width": right - left - 2}
        pieces.append(tag("rect", **box, y=floor - tall, height=tall, class_="band"))
        confidence, accuracy = (
            float(reliability.confidence[number]),
            float(reliability.accuracy[number]),
        )
        radius = 3 + 5 * math.sqrt(count / max_count)
        tip = f"{count} videos: {confidence:.1%} sure, {accuracy:.1%} right"
        position = {"cx": plot_axes.x(confidence), "cy": plot_axes.y(accuracy)}
        dot = tag("circle", tag("title", tip), **position, r=radius, class_="f0", fill_opacity=0.85)
        pieces.append(dot)
    return plot_axes.draw(*pieces, words=words)


def _draw_line(plot_axes: Axes, line: Series) -> Markup:
    step = max(1, -(-len(line.x) // _MAX_POINTS))
    pairs = list(zip(line.x, line.y, strict=True))
    thinned = pairs[::step] + ([pairs[-1]] if (len(pairs) - 1) % step else [])
    points = [(plot_axes.x(x), plot_axes.y(y)) if math.isfinite(y) else None for x, y in thinned]
    color = line.color % NUM_SERIES_COLORS
    css_class = f"line s{color}" + (" ghost" if line.is_faint else "")
    elements = [tag("path", d=_build_path(points), class_=css_class)]
    if line.has_dots:
        finite_points = (point for point in points if point is not None)
        elements += [tag("circle", cx=x, cy=y, r=3.5, class_=f"f{color}") for x, y in finite_points]
    return join(elements)


def _build_path(points: Sequence[tuple[Number, Number] | None]) -> str:
    words, pen_is_down = [], False
    for point in points:
        if point is not None:
            words.append(f"{'L' if pen_is_down else 'M'}{point[0]:.1f} {point[1]:.1f}")
        pen_is_down = point is not None
    return " ".join(words)


def _draw_legend(series: Sequence[Series], width: int) -> Markup:
    elements, x = [], 68.0
    for one in series:
        color = one.color % NUM_SERIES_COLORS
        css_class = f"line s{color}" + (" ghost" if one.is_faint else "")
        elements.append(tag("line", x1=x, x2=x + 18, y1=10, y2=10, class_=css_class))
        elements.append(build_text(x + 24, 14, one.name))
        x += 24 + 7.2 * len(one.name) + 18
    words = "legend: " + ", ".join(one.name for one in series)
    return build_svg(max(width, int(x)), _LEGEND_HEIGHT, join(elements), words=words)
