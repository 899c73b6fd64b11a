"""Which frames make the windows that slide over a long video; nothing is read. No torch here.

Axes: num_frames of the video; windows; frames of a clip.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

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

    def take(self, rows: Int64[np.ndarray, " rows"]) -> "SlidingWindows":
        """Some of the windows."""
        return SlidingWindows(self.frames[rows], self.starts[rows], self.stops[rows])

    def shift(self, seconds: float) -> "SlidingWindows":
        """The same windows by a clock that is so far ahead."""
        return SlidingWindows(self.frames, self.starts + seconds, self.stops + seconds)


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
        """The windows of a whole video.

        Raises:
            ValueError: As ``strided_windows`` and ``timed_windows``.
        """
        if self.frame_interval is not None:
            return strided_windows(
                seconds, self.frames, self.frame_interval, hop_seconds=self.hop_seconds
            )
        return timed_windows(
            seconds,
            self.frames,
            self.window_seconds,
            hop_seconds=self.hop_seconds,
            centered=self.centered,
        )


def strided_windows(
    seconds: Seconds, frames: int, frame_interval: int, *, hop_seconds: float | None
) -> SlidingWindows:
    """Clips of an exact interval in frames, every ``hop_seconds``; None: every half window.

    The last one ends with the video. A video too short for one repeats the last frame that the
    interval reaches, as ``sampling.dense_clips`` does.

    Raises:
        ValueError: ``hop_seconds`` is less than a frame is shown, or frames have no duration.
    """
    check_duration(seconds)
    num_frames, window = len(seconds), frames * frame_interval
    last_start = max(0, num_frames - window)
    if hop_seconds is None:
        starts = np.arange(0, last_start + 1, max(1, window // 2))
    else:
        check_hop(hop_seconds, seconds)
        times = np.arange(0.0, compute_duration(seconds), hop_seconds)
        starts = find_shown_frames(seconds, times, median_frame_duration(seconds))
        starts = starts[starts <= last_start]
    starts = np.unique(np.append(starts, last_start))
    index = starts[:, None] + frame_interval * np.arange(frames)
    last_reached = (
        (num_frames - 1) // frame_interval * frame_interval
        if num_frames < window
        else num_frames - 1
    )
    ends = np.append(seconds, compute_duration(seconds))
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
) -> SlidingWindows:
    """Clips of equal distances of time, every ``hop_seconds``; None: every half window.

    The last one ends with the video. A video shorter than a window repeats its last frame. Centred,
    they show the middle of each of the window's equal parts, else its beginning.

    Raises:
        ValueError: ``hop_seconds`` is less than a frame is shown, or frames have no duration.
    """
    hop = window_seconds / 2 if hop_seconds is None else hop_seconds
    check_duration(seconds)
    check_hop(hop, seconds)
    frame_duration, end = median_frame_duration(seconds), compute_duration(seconds)
    last_start = max(0.0, end - window_seconds)
    starts = np.arange(0.0, last_start + frame_duration * 1e-3, hop)
    if last_start - starts[-1] > frame_duration / 2:
        starts = np.append(starts, last_start)
    part = window_seconds / frames
    times = starts[:, None] + part * (np.arange(frames) + (0.5 if centered else 0.0))
    shown = find_shown_frames(seconds, times, frame_duration)
    return SlidingWindows(shown, starts, np.minimum(starts + window_seconds, end))


def check_duration(seconds: Seconds) -> None:
    """Refuse frames without a duration; raises ValueError."""
    if compute_duration(seconds) <= 0:
        raise ValueError("its frames have no duration: all are shown at the same time")


def check_hop(hop_seconds: float, seconds: Seconds) -> None:
    """Refuse windows that start more often than frames come; raises ValueError."""
    frame_duration = median_frame_duration(seconds)
    if len(seconds) > 1 and hop_seconds < frame_duration * 0.999:
        raise ValueError(
            f"windows are to start every {hop_seconds:g} s, and a frame is shown for "
            f"{frame_duration:.3g} s; choose --hop-seconds {frame_duration:.3g} or more"
        )
