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
from videomae2.data.scan import FUNCTION, open_scan, scan
from videomae2.data.sliding import usual_gap
from videomae2.jobs.film_panel import Panel
from videomae2.jobs.panels import colored
from videomae2.jobs.predict import Predictor
from videomae2.jobs.timeline import Progress, Timeline, scan_request
from videomae2.jobs.video_inputs import Input
from videomae2.jobs.whole_files import written_whole

Picture = UInt8[np.ndarray, "height width rgb"]

_SIDES = (240, 480)  # short side of the video in the film: smaller is enlarged, larger shrunk
_LEAST_WIDTH = 426  # what names and bars need
_MOST_RATE = 30.0
_PAD = (16, 18, 22)


def write_film(
    predictor: Predictor,
    video: Input,
    timeline: Timeline,
    path: Path,
    *,
    progress: Progress = lambda _done, _length: None,
) -> Path:
    """Write the film as an mp4 (H.264, no sound), whole or not at all.

    It is as long as the time line, at the video's own speed.

    Raises:
        VideoError: The video can no longer be read.
    """
    import av

    request = scan_request(predictor, video.entry, video.frame_name)
    side = min(_SIDES[1], request.limits.shrink_side or _SIDES[1])
    request = replace(request, limits=replace(request.limits, shrink_side=side))
    with predictor.reading.pool(FUNCTION, workers=1) as pool:
        opened = open_scan(pool, request)
        assert opened.seconds is not None  # else there were no time line
        rate, shown = film_frames(opened.seconds, timeline.length_seconds)
        layout = _Layout(opened.shape[0], opened.shape[1], timeline)
        with (
            written_whole(path) as partial,
            av.open(str(partial), "w", format="mp4", options={"movflags": "faststart"}) as box,
        ):
            options = {"crf": "21", "preset": "veryfast"}
            stream = box.add_stream("libx264", rate=rate, options=options)
            stream.height, stream.width = layout.height, layout.width
            stream.pix_fmt = "yuv420p"
            stream.codec_context.thread_count = 1
            frames = _frames_in_turn(scan(pool, request, np.unique(shown).tolist(), opened.shape))
            for number, picture in enumerate(_pictures(frames, shown, rate, layout)):
                box.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                progress((number + 1) / float(rate), timeline.length_seconds)
            box.mux(stream.encode(None))
    return path


def _frames_in_turn(parts: Iterator[tuple[tuple[int, ...], Frames]]) -> Iterator[tuple[int, Any]]:
    for indices, frames in parts:
        yield from zip(indices, frames, strict=True)


def _pictures(
    frames: Iterator[tuple[int, Any]],
    shown: Int64[np.ndarray, " shown"],
    rate: Fraction,
    layout: "_Layout",
) -> Iterator[Picture]:
    """Every picture of the film; a frame of the video may be shown more than once."""
    numbers = deque(enumerate(shown.tolist()))
    for index, frame in frames:
        video_part = layout.video_part(frame)
        while numbers and numbers[0][1] == index:
            yield layout.picture(video_part, numbers.popleft()[0] / float(rate))


def film_frames(
    seconds: Float64[np.ndarray, " num_frames"], length_seconds: float
) -> tuple[Fraction, Int64[np.ndarray, " shown"]]:
    """The frames per second of a film, and which frame of the video each of its frames shows."""
    rate = Fraction(min(_MOST_RATE, 1 / usual_gap(seconds))).limit_denominator(1001)
    count = max(1, round(length_seconds * float(rate)))
    times = np.arange(count) / float(rate) + usual_gap(seconds) * 1e-3
    number = np.searchsorted(seconds, times, side="right") - 1
    return rate, np.clip(number, 0, len(seconds) - 1).astype(np.int64)


class _Layout:
    """Where the video and the panel stand in a picture of the film."""

    def __init__(self, height: int, width: int, timeline: Timeline) -> None:
        scale = max(1, -(-_SIDES[0] // min(height, width)))
        self._size = (height * scale, width * scale)
        self.width = _even(max(_LEAST_WIDTH, width * scale))
        self._panel = Panel(timeline, self.width)
        self._panel_top = _even(height * scale)
        self.height = self._panel_top + self._panel.height

    def video_part(
        self, frame: UInt8[np.ndarray, "height width channels"]
    ) -> UInt8[np.ndarray, "film_height film_width rgb"]:
        """A frame of the video, in the middle of the film's width."""
        picture = colored(frame)
        height, width = self._size
        if picture.shape[:2] != self._size:
            image = Image.fromarray(np.ascontiguousarray(picture))
            picture = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
        part = np.empty((self._panel_top, self.width, 3), np.uint8)
        part[...] = _PAD
        left = (self.width - width) // 2
        part[:height, left : left + width] = picture
        return part

    def picture(
        self, video_part: Picture, seconds: float
    ) -> UInt8[np.ndarray, "film_height width rgb"]:
        """The film's picture at a moment."""
        return np.concatenate((video_part, self._panel.at(seconds)))


def _even(pixels: int) -> int:
    return pixels + pixels % 2
