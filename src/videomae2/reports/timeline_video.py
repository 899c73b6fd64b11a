"""A video with what the model says of it below: names, bars, and the time line.

The frames come one by one, however long the video is. Axes: height, width, rgb.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
from jaxtyping import Float64, Int64, UInt8

from videomae2.data.views.jumps import list_jumps, longest_hold, usual_frame_duration
from videomae2.inference.timeline import Timeline
from videomae2.models.task_type import ClassScore, rank_topk
from videomae2.reports.image_canvas import (
    MUTED_TEXT_COLOR,
    TEXT_COLOR,
    ImageCanvas,
    Picture,
    TextStyle,
    ellipsize,
    enlarge,
    round_up_to_even,
    to_rgb,
)
from videomae2.reports.timeline import EMPTY_COLOR, OTHER_COLOR, assign_class_colors, format_clock

_SHORT_SIDES = (240, 480)  # of the video in the film: smaller is enlarged, larger shrunk
MAX_SHORT_SIDE = _SHORT_SIDES[1]
"""Short side in pixels at which frames should be read."""
_MIN_WIDTH = 426  # what names and bars need
_MIN_FPS, _MAX_FPS = Fraction(1, 1001), 30.0
_PAD_COLOR = (16, 18, 22)
_MAX_ROWS, _MAX_LANES = 3, 4
_MARGIN, _GAP = 14, 8
_STRIP_HEIGHT, _BAR_HEIGHT, _ROW_HEIGHT = 20, 12, 24
_NAME_SHARE, _NUMBER_WIDTH = 0.42, 54  # share of the width for the name; the bar has the rest
_NAME_STYLE, _ACTIVE_STYLE = TextStyle(14, color=MUTED_TEXT_COLOR), TextStyle(14, bold=True)
_CLOCK_STYLE = TextStyle(13, color=MUTED_TEXT_COLOR)


class Overlay:
    """Pictures of one width that say what holds at a moment."""

    def __init__(self, timeline: Timeline, width: int) -> None:
        self._timeline, self._width, self._inner_width = timeline, width, width - 2 * _MARGIN
        self._colors = assign_class_colors(timeline)
        self._rows = min(_MAX_ROWS, timeline.outputs.count)
        content_height = _CLOCK_STYLE.line_height + _GAP + _STRIP_HEIGHT
        self.height = round_up_to_even(2 * _MARGIN + self._rows * _ROW_HEIGHT + content_height)
        self._strip_top = self.height - _MARGIN - _STRIP_HEIGHT
        self._bin_index: int | None = None

    def render(self, seconds: float) -> UInt8[np.ndarray, "height width rgb"]:
        edges = self._timeline.bins.edges
        position = int(np.searchsorted(edges, seconds, side="right")) - 1
        bin_index = min(max(position, 0), len(edges) - 2)
        if bin_index != self._bin_index:
            self._canvas_pixels, self._bin_index = self._draw_bin(bin_index).pixels, bin_index
        picture = self._canvas_pixels.copy()
        x = _MARGIN + self._to_pixel(seconds)
        rows = slice(self._strip_top - 3, self._strip_top + _STRIP_HEIGHT + 3)
        picture[rows, x - 1 : x + 1] = TEXT_COLOR
        clock = ImageCanvas(self._inner_width, _CLOCK_STYLE.line_height)
        length = format_clock(self._timeline.length_seconds, decimals=1)
        clock.draw_text(0, 0, f"{format_clock(seconds, decimals=1)} of {length}", _CLOCK_STYLE)
        bottom = self._strip_top - _GAP
        picture[bottom - _CLOCK_STYLE.line_height : bottom, _MARGIN:-_MARGIN] = clock.pixels
        return picture

    def _draw_bin(self, bin_index: int) -> ImageCanvas:
        """Everything but the clock and the cursor."""
        canvas, outputs = ImageCanvas(self._width, self.height), self._timeline.outputs
        rows = rank_topk(self._timeline.bins.scores[bin_index], outputs, self._rows)[: self._rows]
        middle = float(self._timeline.bins.edges[bin_index : bin_index + 2].mean())
        segments = self._timeline.segments
        active = {s.output for s in segments if s.start_seconds <= middle < s.stop_seconds}
        for number, row in enumerate(rows):
            self._draw_row(canvas, _MARGIN + number * _ROW_HEIGHT, row, row.index in active)
        self._draw_strip(canvas)
        return canvas

    def _draw_row(self, canvas: ImageCanvas, y: int, row: ClassScore, is_active: bool) -> None:
        style = _ACTIVE_STYLE if is_active else _NAME_STYLE
        name_width = round(self._inner_width * _NAME_SHARE)
        canvas.draw_text(_MARGIN, y, ellipsize(row.name, name_width - _GAP, style), style)
        if self._timeline.outputs.classification_type is None:
            canvas.draw_text(_MARGIN + name_width, y, f"{row.score:.4g}", style)
            return
        max_bar_width = self._inner_width - name_width - _NUMBER_WIDTH
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
        canvas.fill_box(_MARGIN, self._strip_top, self._inner_width, _STRIP_HEIGHT, EMPTY_COLOR)
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
        return round(min(1.0, fraction) * self._inner_width)


def compose_overlay_video(
    timeline: Timeline,
    frames: Iterable[tuple[int, UInt8[np.ndarray, "height width channels"]]],
    frame_indices: Int64[np.ndarray, " shown"],
    moments: Float64[np.ndarray, " shown"],
) -> Iterator[Picture]:
    """Give every picture of the film; a frame of the video may be shown more than once.

    ``frames`` come rising, each with its index; ``select_frames`` gave the rest. Those that are
    lost are not among them: the next one is shown, or at the end the last.
    """
    overlay: Overlay | None = None
    pending = deque(zip(moments.tolist(), frame_indices.tolist(), strict=True))
    for index, frame in frames:
        video_part = _render_frame(frame)
        overlay = overlay or Overlay(timeline, video_part.shape[1])
        while pending and pending[0][1] <= index:
            yield np.concatenate((video_part, overlay.render(pending.popleft()[0])))
    if overlay is not None:
        for moment, _ in pending:
            yield np.concatenate((video_part, overlay.render(moment)))


def select_frames(
    seconds: Float64[np.ndarray, " num_frames"], length_seconds: float
) -> tuple[Fraction, Float64[np.ndarray, " shown"], Int64[np.ndarray, " shown"]]:
    """The frames per second of a film, and which moment and frame of the video each frame shows.

    What a jump of the clock leaves without a frame is left out.
    """
    duration = usual_frame_duration(seconds)
    fps = max(_MIN_FPS, Fraction(min(_MAX_FPS, 1 / duration)).limit_denominator(1001))
    first, jumps = float(seconds[0]), list_jumps(seconds)
    edges = [first if first > longest_hold(duration) else 0.0]
    edges += [edge for jump in jumps for edge in jump] + [length_seconds]
    moments = np.concatenate(
        [
            start + np.arange(max(1, round((stop - start) * float(fps)))) / float(fps)
            for start, stop in zip(edges[::2], edges[1::2], strict=True)
        ]
    )
    number = np.searchsorted(seconds, moments + duration * 1e-3, side="right") - 1
    return fps, moments, np.clip(number, 0, len(seconds) - 1).astype(np.int64)


def _render_frame(
    frame: UInt8[np.ndarray, "height width channels"],
) -> UInt8[np.ndarray, "film_height film_width rgb"]:
    """A frame of the video, in the middle of the film's width; both sides are even."""
    picture = to_rgb(frame)
    scale = max(1, -(-_SHORT_SIDES[0] // min(picture.shape[:2])))
    picture = enlarge(picture, scale, resampling="BILINEAR")
    height, width = picture.shape[:2]
    film_width = round_up_to_even(max(_MIN_WIDTH, width))
    part = np.full((round_up_to_even(height), film_width, 3), _PAD_COLOR, np.uint8)
    left = (film_width - width) // 2
    part[:height, left : left + width] = picture
    return part
