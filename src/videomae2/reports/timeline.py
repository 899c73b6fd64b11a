"""The picture of a time line: what holds when, and the probabilities behind it."""

import warnings
from collections import Counter
from pathlib import Path

from videomae2.base.names import printable
from videomae2.base.text import format_count
from videomae2.inference.timeline import Timeline
from videomae2.reports.charts import Axes, open_png, shorten
from videomae2.reports.image_canvas import Color

OTHER_COLOR: Color = (176, 182, 191)
EMPTY_COLOR: Color = (233, 235, 239)
# told apart by people with any colour vision, and on white: Okabe and Ito 2008, darker yellow
_COLORS: tuple[Color, ...] = (
    (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167),
    (86, 180, 233), (230, 159, 0), (120, 94, 160), (128, 128, 0),
)  # fmt: skip
_MAX_NAME_LENGTH = 28


def assign_class_colors(timeline: Timeline) -> dict[int, Color]:
    """The classes that hold for longest, in that order, each with its colour; the rest have none.

    Of a model of numbers, its first outputs.
    """
    milliseconds: Counter[int] = Counter()
    for segment in timeline.segments:
        duration = segment.stop_seconds - segment.start_seconds
        milliseconds[segment.output] += round(1000 * duration)
    order = [output for output, _ in milliseconds.most_common()]
    if timeline.outputs.classification_type is None:
        order = list(range(timeline.outputs.count))
    return dict(zip(order, _COLORS, strict=False))


def write_timeline_picture(timeline: Timeline, path: Path) -> Path:
    """Draw a row of bars for each class that lasts, and below the probabilities of these.

    Of numbers there are curves only.
    """
    colors = assign_class_colors(timeline)
    rows: list[int | None] = []
    if timeline.outputs.classification_type is not None:
        has_others = any(segment.output not in colors for segment in timeline.segments)
        rows = [*colors, None] if has_others else [*colors]  # None: all others together
    heights = ([0.42 * len(rows) + 0.2] if rows else []) + [2.4]
    name = printable("/".join(Path(timeline.video).absolute().parts[-2:]))
    with (
        warnings.catch_warnings(),
        open_png(path, size=(11, sum(heights) + 1.3), dpi=120, padding=(0.12, 0.1)) as figure,
    ):
        warnings.filterwarnings("ignore", "Glyph .* missing")  # such letters become boxes
        panels = figure.subplots(
            len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
        )[:, 0]
        if rows:
            _draw_bars(panels[0], timeline, rows, colors)
        _draw_curves(panels[-1], timeline, colors)
        title = f"{name}   ·   {format_count(len(timeline.scores), 'window')}"
        panels[0].set_title(title, loc="left", fontsize=12)
        for axes in panels:
            axes.set_xlim(0, timeline.length_seconds)
    return path


def format_clock(seconds: float, *, decimals: int = 0) -> str:
    """A moment of a video: 0:07, 12:40, 1:02:10."""
    scaled = round(seconds * 10**decimals)
    whole_seconds, fraction = divmod(scaled, 10**decimals)
    hours, minutes = divmod(whole_seconds // 60, 60)
    text = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{text}:{whole_seconds % 60:02d}" + (f".{fraction:0{decimals}d}" if decimals else "")


def _draw_bars(
    axes: Axes, timeline: Timeline, rows: list[int | None], colors: dict[int, Color]
) -> None:
    for number, output in enumerate(rows):
        spans = [
            (s.start_seconds, s.stop_seconds - s.start_seconds)
            for s in timeline.segments
            if (s.output if s.output in colors else None) == output
        ]
        color = OTHER_COLOR if output is None else colors[output]
        axes.broken_barh(spans, (number - 0.36, 0.72), color=_to_unit_rgb(color), linewidth=0)
    labels = ["others" if output is None else _format_label(timeline, output) for output in rows]
    axes.set_yticks(range(len(rows)), labels)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")


def _draw_curves(axes: Axes, timeline: Timeline, colors: dict[int, Color]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    bins = timeline.bins
    for output, color in colors.items():
        label = _format_label(timeline, output)
        axes.stairs(bins.scores[:, output], bins.edges, baseline=None, color=_to_unit_rgb(color),
                    label=label, linewidth=1.4)  # fmt: skip
    if timeline.outputs.classification_type is None:
        axes.set_ylabel("number")
        axes.legend(frameon=False, fontsize=8, ncols=4, loc="upper left")
    else:
        axes.set_ylim(0, 1.02)
        axes.set_ylabel("probability")
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 1.5, 2, 3, 6, 10]))
    decimals = 0 if timeline.length_seconds >= 20 else 1
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: format_clock(x, decimals=decimals)))
    axes.grid(visible=True, axis="both")


def _format_label(timeline: Timeline, output: int) -> str:
    return shorten(timeline.outputs.get_name(output), _MAX_NAME_LENGTH)


def _to_unit_rgb(color: Color) -> tuple[float, ...]:
    return tuple(value / 255 for value in color)
