"""The windows that slide over a video whose end is not known yet; no torch here.

What comes out in the end are the windows that ``sliding`` gives of the whole video.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from videomae2.data.views.jumps import longest_hold
from videomae2.data.views.sampling import (
    compute_duration,
    find_shown_frames,
    median_frame_duration,
)
from videomae2.data.views.sliding import WindowRule, check_duration, check_hop

_EARLY = 1e-3  # of a frame's duration: as early counts as in time, as in sampling
_NUM_STEPS = 256  # between frames, of which the median is taken
_CHECKED_FRAMES = 8


class LiveWindow(NamedTuple):
    """A window that is complete."""

    frames: tuple[int, ...]
    """Frame numbers; they do not fall."""
    start: float
    stop: float
    """Seconds."""


class LiveWindows:
    """The windows of frames that come one after the other, as soon as each is complete.

    Frames are counted from 0 and have rising seconds from 0, without a jump. ``frame_duration``:
    for how long a single one is shown.
    """

    def __init__(self, rule: WindowRule, frame_duration: float = 1.0) -> None:
        self._rule = rule
        self._seconds: deque[float] = deque()
        """Of the frames from ``first_needed`` on."""
        self.first_needed = 0
        """Frames before are in no window to come."""
        self.num_frames = 0
        self._steps: deque[float] = deque(maxlen=_NUM_STEPS)
        self.frame_duration = frame_duration
        """For how long a frame is shown, as far as it is known."""
        self._number = 0  # windows at regular places that were given, or skipped as equal
        self._last_start: float | None = None  # of the window before: its frame, or its second
        self._is_done = False  # then the last frame is shown for its duration

    def add(self, seconds: float) -> list[LiveWindow]:
        """Take the next frame, and give the windows that are complete with it.

        Raises:
            ValueError: Windows are to start more often than frames come.
        """
        if self._seconds:
            self._steps.append(seconds - self._seconds[-1])
        self._seconds.append(seconds)
        self.num_frames += 1
        if self._steps and (self.num_frames < 32 or self.num_frames % 32 == 0):
            self.frame_duration = float(np.median(self._steps))
        if self.num_frames == _CHECKED_FRAMES:
            self._check()
        timed = self._rule.frame_interval is None
        windows = list(self._add_timed() if timed else self._add_strided())
        self._forget(self._find_first_timed() if timed else self._find_first_strided())
        return windows

    def finish(self) -> list[LiveWindow]:
        """The windows that are left when no frame comes any more; the last one ends with them.

        Raises:
            ValueError: As ``sliding`` of the whole video.
        """
        if not self.num_frames:
            return []
        if self._steps:
            self.frame_duration = float(np.median(self._steps))
        self._check()
        timed = self._rule.frame_interval is None
        return list(self._finish_timed() if timed else self._finish_strided())

    def _check(self) -> None:
        seconds = np.array(self._seconds)
        check_duration(compute_duration(seconds, self.frame_duration))
        has_hop = self._rule.hop_seconds is not None or self._rule.frame_interval is None
        if has_hop and len(seconds) > 1:
            check_hop(self._hop_seconds, median_frame_duration(seconds))

    def is_behind_jump(self, seconds: float) -> bool:
        """Whether the clock jumps before a frame that would be the next one: it begins anew."""
        return self.num_frames > 1 and seconds - self._seconds[-1] > longest_hold(
            self.frame_duration
        )

    @property
    def spans_a_window(self) -> bool:
        """Whether the frames last as long as a window."""
        if self._rule.frame_interval is not None:
            return self.num_frames >= self._window
        end = self._seconds[-1] + self.frame_duration if self._seconds else 0.0
        return end >= self._rule.window_seconds - self.frame_duration * _EARLY

    @property
    def _window(self) -> int:
        """Frames of a window."""
        assert self._rule.frame_interval is not None
        return self._rule.frames * self._rule.frame_interval

    @property
    def _hop_seconds(self) -> float:
        hop = self._rule.hop_seconds
        return self._rule.window_seconds / 2 if hop is None else hop

    def _find_shown(self, seconds: float) -> int:
        """The frame that is shown then, of those that are still known."""
        times = np.array(self._seconds)
        shown = find_shown_frames(times, np.array([seconds]), self.frame_duration)
        return self.first_needed + int(shown[0])

    def _get_seconds(self, frame: int) -> float:
        return self._seconds[frame - self.first_needed]

    # ---- of frames at an interval

    def _next_start(self) -> int | None:
        """The frame at which the next regular window starts; None if it is not known yet."""
        if self._rule.hop_seconds is None:
            return self._number * max(1, self._window // 2)
        while True:
            time, last = self._number * self._rule.hop_seconds, self._seconds[-1]
            is_known = last > time + self.frame_duration * _EARLY
            if not is_known and not (self._is_done and time < last + self.frame_duration):
                return None
            start = self._find_shown(time)
            if self._last_start is None or start > self._last_start:
                return start
            self._number += 1

    def _add_strided(self) -> Iterator[LiveWindow]:
        # a window ends where the frame behind it begins
        while (start := self._next_start()) is not None:
            if start + self._window >= self.num_frames:
                return
            yield self._cut_strided(start, self._get_seconds(start + self._window))

    def _finish_strided(self) -> Iterator[LiveWindow]:
        self._is_done = True
        end = self._seconds[-1] + self.frame_duration
        last_start = max(0, self.num_frames - self._window)
        while (start := self._next_start()) is not None and start <= last_start:
            stop = start + self._window
            yield self._cut_strided(
                start, end if stop >= self.num_frames else self._get_seconds(stop)
            )
        if self._last_start is None or last_start > self._last_start:
            yield self._cut_strided(last_start, end)

    def _cut_strided(self, start: int, stop_seconds: float) -> LiveWindow:
        interval, count = self._rule.frame_interval or 1, self.num_frames
        reached = count - 1 if count >= self._window else (count - 1) // interval * interval
        self._number, self._last_start = self._number + 1, start
        frames = tuple(min(start + interval * n, reached) for n in range(self._rule.frames))
        return LiveWindow(frames, self._get_seconds(start), stop_seconds)

    def _find_first_strided(self) -> int:
        start = self._next_start()
        first_of_last = max(0, self.num_frames - self._window)
        return first_of_last if start is None else min(start, first_of_last)

    # ---- at equal distances of time

    def _add_timed(self) -> Iterator[LiveWindow]:
        while True:
            start = self._number * self._hop_seconds
            if self._seconds[-1] < start + self._rule.window_seconds - self.frame_duration * _EARLY:
                return
            yield self._cut_timed(start, start + self._rule.window_seconds)

    def _finish_timed(self) -> Iterator[LiveWindow]:
        window, end = self._rule.window_seconds, self._seconds[-1] + self.frame_duration
        last_start = max(0.0, end - window)
        while (
            start := self._number * self._hop_seconds
        ) < last_start + self.frame_duration * _EARLY:
            yield self._cut_timed(start, min(start + window, end))
        if self._last_start is None or last_start - self._last_start > self.frame_duration / 2:
            yield self._cut_timed(last_start, end)

    def _cut_timed(self, start: float, stop: float) -> LiveWindow:
        rule = self._rule
        part = rule.window_seconds / rule.frames
        times = start + part * (np.arange(rule.frames) + (0.5 if rule.centered else 0.0))
        shown = find_shown_frames(np.array(self._seconds), times, self.frame_duration)
        self._number, self._last_start = self._number + 1, start
        return LiveWindow(tuple((self.first_needed + shown).tolist()), start, stop)

    def _find_first_timed(self) -> int:
        start = self._number * self._hop_seconds
        first_of_last = self._seconds[-1] - self._rule.window_seconds
        return self._find_shown(max(0.0, min(start, first_of_last)))

    def _forget(self, first: int) -> None:
        while self.first_needed < first:
            self._seconds.popleft()
            self.first_needed += 1
