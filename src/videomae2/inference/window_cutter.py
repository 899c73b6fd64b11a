"""Cut the clips of windows out of the frames of a stream, as they come."""

from typing import Any

import torch
from torch import Tensor

from videomae2.data.live.frame_queue import StreamFrame
from videomae2.data.views.live_windows import LiveWindow, LiveWindows
from videomae2.errors import VideoError
from videomae2.inference.predictor import Predictor
from videomae2.inference.timeline import TimelineConfig, build_window_rule

_MAX_BYTES = 2**30  # of the frames of open windows

Clip = tuple[float, float, Tensor]
"""Start, stop and pixels of a window."""


class WindowCutter:
    """Cuts windows out of frames that come one after the other."""

    def __init__(self, predictor: Predictor, name: str, config: TimelineConfig) -> None:
        self._name, self._rule = name, build_window_rule(predictor, config)
        self._next: int | None = None
        self._has_windows = False
        self._windows = LiveWindows(self._rule)
        self._begin(0.0, is_torn=False)

    def _begin(self, seconds: float, *, is_torn: bool) -> None:
        duration = self._windows.frame_duration
        self._windows, self._begin_seconds = LiveWindows(self._rule, duration), seconds
        self._is_torn = is_torn  # frames are missing before or behind this piece
        self._images: dict[int, Any] = {}

    def add(self, frame: StreamFrame) -> list[Clip]:
        """Take a frame, and give the windows that are complete with it."""
        clips: list[Clip] = []
        is_torn = self._next is not None and frame.number != self._next
        if is_torn or self._windows.is_behind_jump(frame.seconds - self._begin_seconds):
            self._is_torn = self._is_torn or is_torn
            clips = self.finish()
            self._begin(frame.seconds, is_torn=is_torn)
        elif self._next is None:
            self._begin(frame.seconds, is_torn=False)
        self._next = frame.number + 1
        self._images[self._windows.num_frames] = frame.image
        try:
            windows = self._windows.add(frame.seconds - self._begin_seconds)
        except ValueError as error:
            raise VideoError(self._name, str(error)) from error
        clips += self._cut(windows)
        for number in [key for key in self._images if key < self._windows.first_needed]:
            del self._images[number]
        if len(self._images) * frame.image.nbytes > _MAX_BYTES:
            raise VideoError(
                self._name,
                f"the frames of a window need more than {_MAX_BYTES / 2**30:g} GiB; choose a "
                "smaller --window-seconds",
            )
        return clips

    def finish(self) -> list[Clip]:
        """The last windows of frames in one piece, at their end.

        A piece that is shorter than a window repeats its last frame, as short videos do; where
        frames are missing beside it, and there are other windows, it is left out.
        """
        try:
            windows = self._windows.finish()
        except ValueError as error:
            raise VideoError(self._name, str(error)) from error
        if self._is_torn and self._has_windows and not self._windows.spans_a_window:
            return []
        return self._cut(windows)

    def _cut(self, windows: list[LiveWindow]) -> list[Clip]:
        self._has_windows = self._has_windows or bool(windows)
        shift = self._begin_seconds
        return [
            (
                window.start + shift,
                window.stop + shift,
                torch.stack([self._images[number] for number in window.frames]),
            )
            for window in windows
        ]
