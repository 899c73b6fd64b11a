"""A video with what the model says of it below: names, bars, and the time line.

The video is read once more from first to last, and written frame by frame, however long it is.
Axes: height, width, rgb.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64, UInt8
from PIL import Image

from videomae2.base.files import atomic_write
from videomae2.data.video.reader import Frames
from videomae2.data.views.scan import SCAN_FUNCTION, iterate_scan, open_scan
from videomae2.data.views.sliding import median_frame_duration
from videomae2.inference.inputs import VideoInput
from videomae2.inference.predictor import Predictor
from videomae2.inference.timeline import ProgressFn, Timeline, build_scan_request
from videomae2.models.task_type import ClassScore, rank_topk
from videomae2.reports.reconstruction import to_rgb
from videomae2.reports.text_layout import (
    MUTED_TEXT_COLOR,
    TEXT_COLOR,
    ImageCanvas,
    TextStyle,
    ellipsize,
)
from videomae2.reports.timeline import EMPTY_COLOR, OTHER_COLOR, assign_class_colors, format_clock

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
        bin_index = int(
            np.clip(np.searchsorted(edges, seconds, side="right") - 1, 0, len(edges) - 2)
        )
        if bin_index != self._bin_index:
            self._canvas_pixels, self._bin_index = (
                np.asarray(self._draw_bin(bin_index).image),
                bin_index,
            )
        picture = self._canvas_pixels.copy()
        x = _MARGIN + self._to_pixel(seconds)
        picture[self._strip_top - 3 : self._strip_top + _STRIP_HEIGHT + 3, x - 1 : x + 1] = (
            TEXT_COLOR
        )
        clock_canvas = ImageCanvas(self._width - 2 * _MARGIN, _CLOCK_STYLE.line_height)
        length = self._timeline.length_seconds
        clock_canvas.draw_text(
            0,
            0,
            f"{format_clock(seconds, decimals=1)} of {format_clock(length, decimals=1)}",
            _CLOCK_STYLE,
        )
        top = self._strip_top - _GAP - _CLOCK_STYLE.line_height
        picture[top : top + _CLOCK_STYLE.line_height, _MARGIN:-_MARGIN] = np.asarray(
            clock_canvas.image
        )
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
        canvas.fill_box(
            _MARGIN, self._strip_top, self._width - 2 * _MARGIN, _STRIP_HEIGHT, EMPTY_COLOR
        )
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


Picture = UInt8[np.ndarray, "height width rgb"]


_SHORT_SIDE_RANGE = (
    240,
    480,
)  # short side of the video in the film: smaller is enlarged, larger shrunk


_MIN_WIDTH = 426  # what names and bars need


_MAX_FPS = 30.0


_PAD_COLOR = (16, 18, 22)


def write_overlay_video(
    predictor: Predictor,
    video: VideoInput,
    timeline: Timeline,
    path: Path,
    *,
    progress: ProgressFn = lambda _done, _length: None,
) -> Path:
    """Write the film as an mp4 (H.264, no sound), whole or not at all.

    It is as long as the time line, at the video's own speed.

    Raises:
        VideoError: The video can no longer be read.
    """
    import av

    request = build_scan_request(predictor, video.entry, video.frame_name)
    side = min(_SHORT_SIDE_RANGE[1], request.limits.max_short_side or _SHORT_SIDE_RANGE[1])
    request = replace(request, limits=replace(request.limits, max_short_side=side))
    with predictor.reading.make_pool(SCAN_FUNCTION, num_workers=1) as pool:
        stream_info = open_scan(pool, request)
        assert stream_info.seconds is not None  # else there were no time line
        fps, frame_indices = select_frames(stream_info.seconds, timeline.length_seconds)
        layout = _Layout(stream_info.shape[0], stream_info.shape[1], timeline)
        with (
            atomic_write(path) as partial,
            av.open(
                str(partial), "w", format="mp4", options={"movflags": "faststart"}
            ) as container,
        ):
            options = {"crf": "21", "preset": "veryfast"}
            stream = container.add_stream("libx264", rate=fps, options=options)
            stream.height, stream.width = layout.height, layout.width
            stream.pix_fmt = "yuv420p"
            stream.codec_context.thread_count = 1
            frames = _iterate_frames(
                iterate_scan(pool, request, np.unique(frame_indices).tolist(), stream_info.shape)
            )
            for number, picture in enumerate(_compose_pictures(frames, frame_indices, fps, layout)):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                progress((number + 1) / float(fps), timeline.length_seconds)
            container.mux(stream.encode(None))
    return path


def _iterate_frames(parts: Iterator[tuple[tuple[int, ...], Frames]]) -> Iterator[tuple[int, Any]]:
    for indices, frames in parts:
        yield from zip(indices, frames, strict=True)


def _compose_pictures(
    frames: Iterator[tuple[int, Any]],
    frame_indices: Int64[np.ndarray, " shown"],
    fps: Fraction,
    layout: "_Layout",
) -> Iterator[Picture]:
    """Every picture of the film; a frame of the video may be shown more than once."""
    numbers = deque(enumerate(frame_indices.tolist()))
    for index, frame in frames:
        video_part = layout.render_video(frame)
        while numbers and numbers[0][1] == index:
            yield layout.render(video_part, numbers.popleft()[0] / float(fps))


def select_frames(
    seconds: Float64[np.ndarray, " num_frames"], length_seconds: float
) -> tuple[Fraction, Int64[np.ndarray, " shown"]]:
    """The frames per second of a film, and which frame of the video each of its frames shows."""
    fps = Fraction(min(_MAX_FPS, 1 / median_frame_duration(seconds))).limit_denominator(1001)
    count = max(1, round(length_seconds * float(fps)))
    times = np.arange(count) / float(fps) + median_frame_duration(seconds) * 1e-3
    number = np.searchsorted(seconds, times, side="right") - 1
    return fps, np.clip(number, 0, len(seconds) - 1).astype(np.int64)


class _Layout:
    """Where the video and the panel stand in a picture of the film."""

    def __init__(self, height: int, width: int, timeline: Timeline) -> None:
        scale = max(1, -(-_SHORT_SIDE_RANGE[0] // min(height, width)))
        self._size = (height * scale, width * scale)
        self.width = _round_up_to_even(max(_MIN_WIDTH, width * scale))
        self._panel = Overlay(timeline, self.width)
        self._panel_top = _round_up_to_even(height * scale)
        self.height = self._panel_top + self._panel.height

    def render_video(
        self, frame: UInt8[np.ndarray, "height width channels"]
    ) -> UInt8[np.ndarray, "film_height film_width rgb"]:
        """A frame of the video, in the middle of the film's width."""
        picture = to_rgb(frame)
        height, width = self._size
        if picture.shape[:2] != self._size:
            image = Image.fromarray(np.ascontiguousarray(picture))
            picture = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
        part = np.empty((self._panel_top, self.width, 3), np.uint8)
        part[...] = _PAD_COLOR
        left = (self.width - width) // 2
        part[:height, left : left + width] = picture
        return part

    def render(
        self, video_part: Picture, seconds: float
    ) -> UInt8[np.ndarray, "film_height width rgb"]:
        """The film's picture at a moment."""
        return np.concatenate((video_part, self._panel.render(seconds)))


def _round_up_to_even(pixels: int) -> int:
    return pixels + pixels % 2
