"""What stands below the video in an annotated film: bars of the best classes, and the time line.

Axes: height, width, rgb.
"""

import numpy as np
from jaxtyping import UInt8

from videomae2.jobs.answers import Scored, ranked
from videomae2.jobs.lettering import FAINT_INK, INK, Page, Style, shortened
from videomae2.jobs.timeline import Timeline
from videomae2.jobs.timeline_colors import NOTHING, OTHER, class_colors
from videomae2.jobs.timeline_picture import clock

_ROWS = 3
_LANES = 4
_MARGIN, _GAP = 14, 8
_STRIP_HEIGHT, _BAR_HEIGHT, _ROW_HEIGHT = 20, 12, 24
_NAME_SHARE = 0.42  # of the width, for the name; the bar has the rest
_NAME, _HELD = Style(14, color=FAINT_INK), Style(14, bold=True)
_CLOCK = Style(13, color=FAINT_INK)


class Panel:
    """Pictures of one width that say what holds at a moment."""

    def __init__(self, timeline: Timeline, width: int) -> None:
        self._timeline, self._width = timeline, width
        self._colors = class_colors(timeline)
        self._rows = min(_ROWS, timeline.outputs.count)
        self.height = (
            2 * _MARGIN + self._rows * _ROW_HEIGHT + _CLOCK.line_height + _GAP + _STRIP_HEIGHT
        )
        self.height += self.height % 2
        self._strip_top = self.height - _MARGIN - _STRIP_HEIGHT
        self._cell: int | None = None

    def at(self, seconds: float) -> UInt8[np.ndarray, "height width rgb"]:
        """The picture for a moment."""
        edges = self._timeline.cells.edges
        cell = int(np.clip(np.searchsorted(edges, seconds, side="right") - 1, 0, len(edges) - 2))
        if cell != self._cell:
            self._page, self._cell = np.asarray(self._drawn(cell).image), cell
        picture = self._page.copy()
        x = _MARGIN + self._place(seconds)
        picture[self._strip_top - 3 : self._strip_top + _STRIP_HEIGHT + 3, x - 1 : x + 1] = INK
        now = Page(self._width - 2 * _MARGIN, _CLOCK.line_height)
        length = self._timeline.length_seconds
        now.text(0, 0, f"{clock(seconds, decimals=1)} of {clock(length, decimals=1)}", _CLOCK)
        top = self._strip_top - _GAP - _CLOCK.line_height
        picture[top : top + _CLOCK.line_height, _MARGIN:-_MARGIN] = np.asarray(now.image)
        return picture

    def _drawn(self, cell: int) -> Page:
        """Everything but the clock and the cursor."""
        page, outputs = Page(self._width, self.height), self._timeline.outputs
        rows = ranked(self._timeline.cells.scores[cell], outputs, self._rows)[: self._rows]
        middle = float(self._timeline.cells.edges[cell : cell + 2].mean())
        held = {
            s.output for s in self._timeline.segments if s.start_seconds <= middle < s.stop_seconds
        }
        for number, row in enumerate(rows):
            self._row(page, _MARGIN + number * _ROW_HEIGHT, row, row.output in held)
        self._strip(page)
        return page

    def _row(self, page: Page, y: int, row: Scored, holds: bool) -> None:
        style = _HELD if holds else _NAME
        inner = self._width - 2 * _MARGIN
        name_width = round(inner * _NAME_SHARE)
        page.text(_MARGIN, y, shortened(row.name, name_width - _GAP, style), style)
        if self._timeline.outputs.head is None:
            page.text(_MARGIN + name_width, y, f"{row.score:.4g}", style)
            return
        number_width = 54
        most = inner - name_width - number_width
        left, top = _MARGIN + name_width, y + 4
        page.box(left, top, most, _BAR_HEIGHT, NOTHING)
        color = self._colors.get(row.output, OTHER) if holds else OTHER
        page.box(left, top, round(most * row.score), _BAR_HEIGHT, color)
        page.text(self._width - _MARGIN, y, f"{row.score:.0%}", style, anchor="ra")

    def _strip(self, page: Page) -> None:
        """All of the video from left to right, with a lane for each class that may overlap."""
        one = self._timeline.outputs.answers == "one-class"
        lanes = 1 if one else max(1, min(_LANES, len(self._colors)))
        lane_of = {} if one else {output: i for i, output in enumerate(self._colors)}
        page.box(_MARGIN, self._strip_top, self._width - 2 * _MARGIN, _STRIP_HEIGHT, NOTHING)
        height = _STRIP_HEIGHT // lanes
        for s in self._timeline.segments:
            lane = lane_of.get(s.output, 0 if one else lanes)
            if lane < lanes:
                left, stop = self._place(s.start_seconds), self._place(s.stop_seconds)
                color = self._colors.get(s.output, OTHER)
                top = self._strip_top + lane * height
                page.box(_MARGIN + left, top, stop - left, height, color)

    def _place(self, seconds: float) -> int:
        """Pixels from the left end of the strip."""
        share = seconds / self._timeline.length_seconds
        return round(min(1.0, share) * (self._width - 2 * _MARGIN))
