"""What stands below the video in an annotated film: bars of the best classes, and the time line.

Axes: height, width, rgb.
"""

import numpy as np
from jaxtyping import UInt8

from videomae2.jobs.answers import ClassScore, rank_topk
from videomae2.jobs.lettering import MUTED_TEXT_COLOR, TEXT_COLOR, ImageCanvas, TextStyle, ellipsize
from videomae2.jobs.timeline import Timeline
from videomae2.jobs.timeline_colors import EMPTY_COLOR, OTHER_COLOR, assign_class_colors
from videomae2.jobs.timeline_picture import format_clock

_MAX_ROWS = 3
_MAX_LANES = 4
_MARGIN, _GAP = 14, 8
_STRIP_HEIGHT, _BAR_HEIGHT, _ROW_HEIGHT = 20, 12, 24
_NAME_SHARE = 0.42  # of the width, for the name; the bar has the rest
_NAME_STYLE, _ACTIVE_STYLE = TextStyle(14, color=MUTED_TEXT_COLOR), TextStyle(14, bold=True)
_CLOCK_STYLE = TextStyle(13, color=MUTED_TEXT_COLOR)


class Overlay:
    """Pictures of one width that say what holds at a moment."""

    def __init__(self, timeline: Timeline, width: int) -> None:
        self._timeline, self._width = timeline, width
        self._colors = assign_class_colors(timeline)
        self._rows = min(_MAX_ROWS, timeline.outputs.count)
        self.height = (
            2 * _MARGIN + self._rows * _ROW_HEIGHT + _CLOCK_STYLE.line_height + _GAP + _STRIP_HEIGHT
        )
        self.height += self.height % 2
        self._strip_top = self.height - _MARGIN - _STRIP_HEIGHT
        self._bin_index: int | None = None

    def render(self, seconds: float) -> UInt8[np.ndarray, "height width rgb"]:
        """The picture for a moment."""
        edges = self._timeline.bins.edges
        bin_index = int(np.clip(np.searchsorted(edges, seconds, side="right") - 1, 0, len(edges) - 2))
        if bin_index != self._bin_index:
            self._canvas_pixels, self._bin_index = np.asarray(self._draw_bin(bin_index).image), bin_index
        picture = self._canvas_pixels.copy()
        x = _MARGIN + self._to_pixel(seconds)
        picture[self._strip_top - 3 : self._strip_top + _STRIP_HEIGHT + 3, x - 1 : x + 1] = TEXT_COLOR
        clock_canvas = ImageCanvas(self._width - 2 * _MARGIN, _CLOCK_STYLE.line_height)
        length = self._timeline.length_seconds
        clock_canvas.draw_text(0, 0, f"{format_clock(seconds, decimals=1)} of {format_clock(length, decimals=1)}", _CLOCK_STYLE)
        top = self._strip_top - _GAP - _CLOCK_STYLE.line_height
        picture[top : top + _CLOCK_STYLE.line_height, _MARGIN:-_MARGIN] = np.asarray(clock_canvas.image)
        return picture

    def _draw_bin(self, bin_index: int) -> ImageCanvas:
        """Everything but the clock and the cursor."""
        canvas, outputs = ImageCanvas(self._width, self.height), self._timeline.outputs
        rows = rank_topk(self._timeline.bins.scores[bin_index], outputs, self._rows)[: self._rows]
        middle = float(self._timeline.bins.edges[bin_index : bin_index + 2].mean())
        active = {
            s.output for s in self._timeline.segments if s.start_seconds <= middle < s.stop_seconds
        }
        for number, row in enumerate(rows):
            self._draw_row(canvas, _MARGIN + number * _ROW_HEIGHT, row, row.index in active)
        self._draw_strip(canvas)
        return canvas

    def _draw_row(self, canvas: ImageCanvas, y: int, row: ClassScore, is_active: bool) -> None:
        style = _ACTIVE_STYLE if is_active else _NAME_STYLE
        inner = self._width - 2 * _MARGIN
        name_width = round(inner * _NAME_SHARE)
        canvas.draw_text(_MARGIN, y, ellipsize(row.name, name_width - _GAP, style), style)
        if self._timeline.outputs.classification_type is None:
            canvas.draw_text(_MARGIN + name_width, y, f"{row.score:.4g}", style)
            return
        number_width = 54
        max_bar_width = inner - name_width - number_width
        left, top = _MARGIN + name_width, y + 4
        canvas.fill_box(left, top, max_bar_width, _BAR_HEIGHT, EMPTY_COLOR)
        color = self._colors.get(row.index, OTHER_COLOR) if is_active else OTHER_COLOR
        canvas.fill_box(left, top, round(max_bar_width * row.score), _BAR_HEIGHT, color)
        canvas.draw_text(self._width - _MARGIN, y, f"{row.score:.0%}", style, anchor="ra")

    def _draw_strip(self, canvas: ImageCanvas) -> None:
        """All of the video from left to right, with a lane for each class that may overlap."""
        is_exclusive = self._timeline.outputs.task_type == "multiclass"
        lanes = 1 if is_exclusive else max(1, min(_MAX_LANES, len(self._colors)))
        lane_of = {} if is_exclusive else {output: i for i, output in enumerate(self._colors)}
        canvas.fill_box(_MARGIN, self._strip_top, self._width - 2 * _MARGIN, _STRIP_HEIGHT, EMPTY_COLOR)
        height = _STRIP_HEIGHT // lanes
        for s in self._timeline.segments:
            lane = lane_of.get(s.output, 0 if is_exclusive else lanes)
            if lane < lanes:
                left, stop = self._to_pixel(s.start_seconds), self._to_pixel(s.stop_seconds)
                color = self._colors.get(s.output, OTHER_COLOR)
                top = self._strip_top + lane * height
                canvas.fill_box(_MARGIN + left, top, stop - left, height, color)

    def _to_pixel(self, seconds: float) -> int:
        """Pixels from the left end of the strip."""
        fraction = seconds / self._timeline.length_seconds
        return round(min(1.0, fraction) * (self._width - 2 * _MARGIN))
