"""Which frames make the windows that slide over a long video; nothing is read. No torch here.

Axes: num_frames of the video; windows; frames of a clip.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float64, Int64

from videomae2.data.views.jumps import Jump, find_jumps, list_jumps, usual_frame_duration
from videomae2.data.views.sampling import (
    Seconds,
    compute_duration,
    find_shown_frames,
    median_frame_duration,
)


@dataclass(frozen=True, slots=True)
class SlidingWindows:
    """Clips at sliding positions, in the order of their starts."""

    frames: Int64[np.ndarray, "windows frames"]
    """Frame indices in the video; in each window they do not fall."""
    starts: Float64[np.ndarray, " windows"]
    """Seconds at which a window begins."""
    stops: Float64[np.ndarray, " windows"]
    """Seconds at which it ends, at most the end of the video."""
    jumps: tuple[Jump, ...] = ()
    """From when to when there is no frame, and so no window."""

    def take(self, rows: Int64[np.ndarray, " rows"]) -> "SlidingWindows":
        """Some of the windows."""
        return replace(
            self, frames=self.frames[rows], starts=self.starts[rows], stops=self.stops[rows]
        )

    def shift(self, seconds: float) -> "SlidingWindows":
        """The same windows by a clock that is so far ahead."""
        return SlidingWindows(
            self.frames,
            self.starts + seconds,
            self.stops + seconds,
            tuple((start + seconds, stop + seconds) for start, stop in self.jumps),
        )

    @property
    def hop_seconds(self) -> float | None:
        """From the start of one window to the next; None where there is no next one."""
        for start, following in pairwise(self.starts.tolist()):
            if not any(start < stop <= following for _, stop in self.jumps):
                return following - start
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowRule:
    """The windows of a time line: of frames at an interval, or at equal distances of time."""

    frames: int
    """Of a clip."""
    frame_interval: int | None
    """Frames from one to the next; None: the window has a length in seconds."""
    window_seconds: float
    """Where there is no frame interval."""
    hop_seconds: float | None
    """From one window to the next; None: half a window."""
    centered: bool = False
    """Whether they show the middle of the parts of a window, not their beginning."""

    def slide(self, seconds: Seconds) -> SlidingWindows:
        """The windows of a whole video; where its clock jumps they begin anew.

        Raises:
            ValueError: As ``strided_windows`` and ``timed_windows``.
        """
        duration, firsts = usual_frame_duration(seconds), find_jumps(seconds) + 1
        pieces = [
            replace(windows, frames=windows.frames + first).shift(float(seconds[first]))
            for first, piece in zip([0, *firsts.tolist()], np.split(seconds, firsts), strict=True)
            for windows in [self._slide_piece(piece - piece[0], duration)]
        ]
        return SlidingWindows(
            np.concatenate([piece.frames for piece in pieces]),
            np.concatenate([piece.starts for piece in pieces]),
            np.concatenate([piece.stops for piece in pieces]),
            list_jumps(seconds),
        )

    def _slide_piece(self, seconds: Seconds, frame_duration: float) -> SlidingWindows:
        if self.frame_interval is not None:
            return strided_windows(
                seconds,
                self.frames,
                self.frame_interval,
                hop_seconds=self.hop_seconds,
                frame_duration=frame_duration,
            )
        return timed_windows(
            seconds,
            self.frames,
            self.window_seconds,
            hop_seconds=self.hop_seconds,
            centered=self.centered,
            frame_duration=frame_duration,
        )


def strided_windows(
    seconds: Seconds,
    frames: int,
    frame_interval: int,
    *,
    hop_seconds: float | None,
    frame_duration: float | None = None,
) -> SlidingWindows:
    """Clips of an exact interval in frames, every ``hop_seconds``; None: every half window.

    The last one ends with the video. A video too short for one repeats the last frame that the
    interval reaches, as ``sampling.dense_clips`` does.

    ``frame_duration``: for how long a frame is shown; None takes the median.

    Raises:
        ValueError: ``hop_seconds`` is less than a frame is shown, or frames have no duration.
    """
    frame_duration = _check_clock(seconds, hop_seconds, frame_duration)
    num_frames, window = len(seconds), frames * frame_interval
    last_start = max(0, num_frames - window)
    if hop_seconds is None:
        starts = np.arange(0, last_start + 1, max(1, window // 2))
    else:
        times = np.arange(0.0, compute_duration(seconds, frame_duration), hop_seconds)
        starts = find_shown_frames(seconds, times, frame_duration)
        starts = starts[starts <= last_start]
    starts = np.unique(np.append(starts, last_start))
    index = starts[:, None] + frame_interval * np.arange(frames)
    last_reached = (
        (num_frames - 1) // frame_interval * frame_interval
        if num_frames < window
        else num_frames - 1
    )
    ends = np.append(seconds, compute_duration(seconds, frame_duration))
    return SlidingWindows(
        np.minimum(index, last_reached).astype(np.int64),
        seconds[starts],
        ends[np.minimum(starts + window, num_frames)],
    )


def timed_windows(
    seconds: Seconds,
    frames: int,
    window_seconds: float,
    *,
    hop_seconds: float | None,
    centered: bool,
    frame_duration: float | None = None,
) -> SlidingWindows:
    """Clips of equal distances of time, every ``hop_seconds``; None: every half window.

    The last one ends with the video. A video shorter than a window repeats its last frame. Centred,
    they show the middle of each of the window's equal parts, else its beginning.

    ``frame_duration``: for how long a frame is shown; None takes the median.

    Raises:
        ValueError: ``hop_seconds`` is less than a frame is shown, or frames have no duration.
    """
    hop = window_seconds / 2 if hop_seconds is None else hop_seconds
    frame_duration = _check_clock(seconds, hop, frame_duration)
    end = compute_duration(seconds, frame_duration)
    last_start = max(0.0, end - window_seconds)
    starts = np.arange(0.0, last_start + frame_duration * 1e-3, hop)
    if last_start - starts[-1] > frame_duration / 2:
        starts = np.append(starts, last_start)
    part = window_seconds / frames
    times = starts[:, None] + part * (np.arange(frames) + (0.5 if centered else 0.0))
    shown = find_shown_frames(seconds, times, frame_duration)
    return SlidingWindows(shown, starts, np.minimum(starts + window_seconds, end))


def _check_clock(
    seconds: Seconds, hop_seconds: float | None, frame_duration: float | None
) -> float:
    """Give the duration of a frame; raises ValueError as ``check_duration`` and ``check_hop``."""
    duration = median_frame_duration(seconds) if frame_duration is None else frame_duration
    check_duration(compute_duration(seconds, duration))
    if hop_seconds is not None and len(seconds) > 1:
        check_hop(hop_seconds, duration)
    return duration


def check_duration(seconds: float) -> None:
    """Refuse frames without a duration; raises ValueError."""
    if seconds <= 0:
        raise ValueError("its frames have no duration: all are shown at the same time")


def check_hop(hop_seconds: float, frame_duration: float) -> None:
    """Refuse windows that start more often than frames come; raises ValueError."""
    if hop_seconds < frame_duration * 0.999:
        raise ValueError(
            f"windows are to start every {hop_seconds:g} s, and a frame is shown for "
            f"{frame_duration:.3g} s; choose --hop-seconds {frame_duration:.3g} or more"
        )
