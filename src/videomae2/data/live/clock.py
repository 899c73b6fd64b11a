"""When each frame of a stream is shown, in seconds from its first, rising whatever it carries."""

import logging
import time
from collections.abc import Callable

from av.video.frame import VideoFrame

_logger = logging.getLogger(__name__)

WITHOUT_TIMES = {"mpjpeg", "mjpeg", "h264", "hevc", "vvc", "m4v", "mpegvideo", "obu", "cavsvideo"}
"""Containers that carry no times; FFmpeg makes up 25 frames a second."""


class StreamClock:
    """By the times of the frames; where they have none by a rate, or by when they arrive.

    A clock that goes back, as of a camera that starts anew, is followed from there: the frame is
    shown as long after the one before as that was after its own.
    """

    def __init__(
        self,
        name: str,
        *,
        has_times: bool,
        frame_rate: float | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._frame_rate, self._now = name, frame_rate, now
        self._has_times = has_times
        self._count = 0
        self._offset = 0.0
        self._last = self._step = 0.0
        self._has_warned = False

    def read(self, frame: VideoFrame) -> float:
        """The seconds of the next frame."""
        value = self._read_raw(frame)
        if self._count == 0:
            self._offset = -(self._now() if value is None else value)
            seconds = 0.0
        elif value is None:
            seconds = self._last + self._step
        else:
            seconds = value + self._offset
            if seconds <= self._last:
                step = self._step or 1e-3
                self._offset += self._last + step - seconds
                seconds = self._last + step
                self._warn()
        if self._count:
            self._step = seconds - self._last
        self._count, self._last = self._count + 1, seconds
        return seconds

    def _read_raw(self, frame: VideoFrame) -> float | None:
        if not self._has_times:
            return self._now() if self._frame_rate is None else self._count / self._frame_rate
        if frame.pts is None or frame.time_base is None:
            return None
        return float(frame.pts * frame.time_base)

    def _warn(self) -> None:
        if not self._has_warned and self._has_times:
            self._has_warned = True
            _logger.warning(
                f"{self._name}: its clock went back after {self._last:.2f} s; it is counted on "
                "from there"
            )
