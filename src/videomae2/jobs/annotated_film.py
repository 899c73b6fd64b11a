"""A film of a video with what the model says of it below: names, bars, and the time line.

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

from videomae2.data.readers import Frames
from videomae2.data.scan import SCAN_FUNCTION, open_scan, iterate_scan
from videomae2.data.sliding import median_frame_duration
from videomae2.jobs.film_panel import Overlay
from videomae2.jobs.panels import to_rgb
from videomae2.jobs.predict import Predictor
from videomae2.jobs.timeline import ProgressFn, Timeline, build_scan_request
from videomae2.jobs.video_inputs import VideoInput
from videomae2.jobs.whole_files import atomic_write

Picture = UInt8[np.ndarray, "height width rgb"]

_SHORT_SIDE_RANGE = (240, 480)  # short side of the video in the film: smaller is enlarged, larger shrunk
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
            av.open(str(partial), "w", format="mp4", options={"movflags": "faststart"}) as container,
        ):
            options = {"crf": "21", "preset": "veryfast"}
            stream = container.add_stream("libx264", rate=fps, options=options)
            stream.height, stream.width = layout.height, layout.width
            stream.pix_fmt = "yuv420p"
            stream.codec_context.thread_count = 1
            frames = _iterate_frames(iterate_scan(pool, request, np.unique(frame_indices).tolist(), stream_info.shape))
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
