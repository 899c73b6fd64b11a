"""Plots in one style: as SVG inside a page, or as a PNG.

Drawn by matplotlib without pyplot, which would keep figures in a global list. Sizes are in pixels.
In a page the colours are those of ``templates/style.css``, so plots follow its light or dark.
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from videomae2.base.files import atomic_write
from videomae2.base.names import printable_name

if TYPE_CHECKING:
    from markupsafe import Markup

Number = float | int
Axes = Any
"""``matplotlib.axes.Axes``, which has no types."""

COLORS = {
    "ink": "#181b20", "faint": "#636a75", "line": "#e3e6ea", "panel": "#f6f7f9",
    "c0": "#1f4e8c", "c1": "#b45309", "c2": "#0f766e", "c3": "#7e3794", "c4": "#a3262a",
    "c5": "#4d5b6a", "band": "#9db8d9",
}  # fmt: skip
"""The light colours by their names in the style sheet; in a page the name stands."""

_STYLE: dict[Any, Any] = {
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": COLORS["faint"],
    "axes.labelcolor": COLORS["faint"], "axes.axisbelow": True, "axes.grid": True,
    "axes.grid.axis": "y", "grid.color": COLORS["line"], "grid.linewidth": 0.8,
    "text.color": COLORS["ink"], "text.parse_math": False,
    "xtick.color": COLORS["faint"], "xtick.labelcolor": COLORS["ink"],
    "ytick.color": COLORS["faint"], "ytick.labelcolor": COLORS["ink"], "ytick.major.size": 0,
    "axes.labelsize": "medium", "axes.formatter.use_mathtext": False,
    "legend.frameon": False, "legend.fontsize": "medium",
    "svg.fonttype": "none", "svg.hashsalt": "videomae2",
}  # fmt: skip
"""Text stays text, dollar signs are no formulas, and equal plots give equal bytes."""

MAX_POINTS = 600


@contextmanager
def _plot_style(font_size: int) -> Iterator[None]:
    from cycler import cycler
    from matplotlib import rc_context

    colors = cycler(color=[COLORS[f"c{i}"] for i in range(6)])
    with rc_context(_STYLE | {"font.size": font_size, "axes.prop_cycle": colors}):
        yield


@contextmanager
def open_png(
    path: Path, *, size: tuple[Number, Number], dpi: int, padding: tuple[float, float]
) -> Iterator[Any]:
    """A ``matplotlib.figure.Figure`` that is written at the end, whole or not at all.

    ``size`` and ``padding`` are widths and heights in inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with _plot_style(font_size=9):
        figure = Figure(figsize=size, dpi=dpi)
        figure.set_layout_engine("constrained", w_pad=padding[0], h_pad=padding[1])
        FigureCanvasAgg(figure)
        yield figure
        with atomic_write(path) as partial:
            figure.savefig(partial, format="png")


def draw_svg(
    draw: Callable[[Axes], None], *, description: str, size: tuple[int, int] = (480, 300)
) -> "Markup":
    """A plot for a page: ``draw`` fills the axes, ``description`` is for those who cannot see."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    out = io.StringIO()
    with _plot_style(font_size=12):
        figure = Figure(figsize=(size[0] / 72, size[1] / 72), layout="constrained")
        figure.patch.set_alpha(0)
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        axes.patch.set_alpha(0)
        draw(axes)
        for artist in axes.get_children():
            artist.set_clip_on(False)
        figure.savefig(out, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Type")))
    return _embed(out.getvalue(), size, description)


def _embed(svg: str, size: tuple[int, int], description: str) -> "Markup":
    """Make a file of matplotlib a part of a page: its colours, fonts and tips."""
    from markupsafe import Markup

    content = svg[svg.index(">", svg.index("<svg")) + 1 :]
    content = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", content, flags=re.DOTALL)
    content = re.sub(r'<g id="tip:([^"]*)">', r"<g><title>\1</title>", content)
    content = re.sub(r'<g id="[^"]*"', "<g", content)
    content = re.sub(r"font: (bold )?([\d.]+px)[^;\"]*", r"font-size: \2", content)
    for name, color in COLORS.items():
        content = content.replace(color, f"var(--{name})")
    content = re.sub(r"\n\s*", "\n", content)
    width, height = size
    head = Markup('<svg viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">')
    return head.format(width, height, width, height, description) + Markup(content)


def set_tip(artist: Any, text: str) -> None:
    """Show a text when the mouse rests on a part of a plot."""
    artist.set_gid(f"tip:{printable_name(text)}")


def draw_lines(
    lines: Mapping[str, tuple[Sequence[Number], Sequence[Number]]],
    *,
    x_label: str,
    y_label: str,
    description: str,
    is_percent: bool = False,
    x_ticks: Sequence[Number] | None = None,
) -> "Markup":
    """Draw lines of (x, y) with dots, by name, and a legend where there are several."""

    def draw(axes: Axes) -> None:
        for name, (x, y) in lines.items():
            axes.plot(x, y, "-o", label=name, linewidth=2.2, markersize=6)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        if x_ticks is not None:
            axes.set_xticks(x_ticks)
        if is_percent:
            set_percent(axes.yaxis)
        if len(lines) > 1:
            draw_legend(axes)

    return draw_svg(draw, description=description)


def draw_bars(
    names: Sequence[str],
    values: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    texts: Sequence[str],
    *,
    description: str,
) -> "Markup":
    """Draw horizontal bars of one or more values in [0, 1] with whiskers, the first at the top.

    ``texts`` stand behind the bars; values and intervals are NaN where they are not known.
    """
    rows, ends = np.arange(len(names)), np.array(intervals)

    def draw(axes: Axes) -> None:
        axes.barh(rows, np.ones(len(rows)), 0.7, color=COLORS["panel"])
        axes.barh(rows, values, 0.7, color=COLORS["c0"], alpha=0.55)
        known = np.isfinite(ends[:, 0])
        middle = ends[known].mean(axis=1)
        axes.errorbar(middle, rows[known], xerr=ends[known, 1] - middle, fmt="none", capsize=3,
                      ecolor=COLORS["ink"], elinewidth=1.2, capthick=1.2)  # fmt: skip
        for row, text in enumerate(texts):
            axes.text(1.01, row, text, color=COLORS["faint"], va="center")
        axes.set(xlim=(0, 1), ylim=(len(rows) - 0.4, -0.6), xticks=[])
        axes.set_yticks(rows, [shorten(name) for name in names])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)

    return draw_svg(draw, description=description, size=(900, 22 * len(names) + 14))


def thin_out(values: np.ndarray) -> np.ndarray:
    """At most 600 values at equal distances, the last among them."""
    step = max(1, -(-len(values) // MAX_POINTS))
    return values[(len(values) - 1) % step :: step]


def set_percent(axis: Any) -> None:
    """Write the ticks of an axis in percent."""
    axis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")


def draw_legend(axes: Axes) -> None:
    """Name the lines above the plot, beginning at its left side."""
    axes.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.3, borderpad=0.0,
        handlelength=1.6, columnspacing=1.4, ncols=4,
    )  # fmt: skip


def shorten(name: str, max_length: int = 26) -> str:
    """A name that leaves room for the plot, in letters that it can draw."""
    name = printable_name(name)
    return name if len(name) <= max_length else name[: max_length - 1] + "…"
