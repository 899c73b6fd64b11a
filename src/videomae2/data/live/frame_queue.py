"""Frames of a stream between the thread that decodes them and whoever takes them."""

import logging
import threading
import time
from collections import deque
from typing import Any, NamedTuple

from videomae2.base.text import format_count

_logger = logging.getLogger(__name__)

_BUFFER_SECONDS = 8.0
_BUFFER_BYTES = 512 * 2**20
_TICK_SECONDS = 0.1
_WARN_SECONDS = 10.0


class StreamFrame(NamedTuple):
    """A frame of a stream."""

    number: int
    """Counted from 0 among all frames of the stream, those that were dropped too."""
    seconds: float
    """When it is shown, from the first on."""
    image: Any
    """What was made of it; has ``nbytes``."""


class FrameQueue:
    """A few seconds of frames; where these are full, more must wait, or all that waits is dropped.

    Args:
        name: Of the stream, for messages.
    """

    def __init__(self, name: str) -> None:
        self.num_dropped = 0
        """Frames that nobody took in time."""
        self.is_closed = False
        """Nobody takes any more."""
        self._name = name
        self._frames: deque[StreamFrame] = deque()
        self._changed = threading.Condition()
        self._is_over = False
        self._warned_at = -_WARN_SECONDS

    def take(self) -> StreamFrame | None:
        """The next frame, if there is one now."""
        with self._changed:
            frame = self._frames.popleft() if self._frames else None
            self._changed.notify_all()
        return frame

    def is_waiting(self) -> bool:
        """Whether the next frame is still to come; waits for it, a tenth of a second at most."""
        with self._changed:
            if not self._frames and not self._is_over:
                self._changed.wait(_TICK_SECONDS)
            return not self._frames and not self._is_over

    def put(self, frame: StreamFrame, *, ahead_until: float | None) -> None:
        """Let a frame wait; ``ahead_until``: when it would come at the earliest, None: any time."""
        with self._changed:
            while self._is_full(frame) and not self.is_closed:
                if ahead_until is not None and time.monotonic() >= ahead_until:
                    self._drop_waiting()
                    break
                self._changed.wait(_TICK_SECONDS)
            self._frames.append(frame)
            self._changed.notify_all()

    def end(self) -> None:
        """Say that no more frames come."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def close(self) -> None:
        """Let go of the frames; what is still put is not waited with."""
        with self._changed:
            self.is_closed = True
            self._frames.clear()
            self._changed.notify_all()

    def _is_full(self, frame: StreamFrame) -> bool:
        if not self._frames:
            return False
        num_bytes = (len(self._frames) + 1) * int(frame.image.nbytes)
        is_late = frame.seconds - self._frames[0].seconds > _BUFFER_SECONDS
        return num_bytes > _BUFFER_BYTES or is_late

    def _drop_waiting(self) -> None:
        self.num_dropped += len(self._frames)
        self._frames.clear()
        if time.monotonic() - self._warned_at >= _WARN_SECONDS:
            self._warned_at = time.monotonic()
            _logger.warning(
                f"{self._name}: {format_count(self.num_dropped, 'frame')} dropped so far: "
                "they come faster than the model looks at them"
            )
