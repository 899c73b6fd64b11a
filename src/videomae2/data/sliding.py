"""Which frames make the windows that slide over a long video; nothing is read. No torch here.

Axes: num_frames of the video; windows; frames of a clip.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

Seconds = Float64[np.ndarray, " num_frames"]


@dataclass(frozen=True, slots=True)
class Windows:
    """Clips at sliding positions, in the order of their starts."""

    frames: Int64[np.ndarray, "windows frames"]
    """Frame indices in the video; in each window they do not fall."""
    starts: Float64[np.ndarray, " windows"]
    """Seconds at which a window begins."""
    stops: Float64[np.ndarray, " windows"]
    """Seconds at which it ends, at most the end of the video."""


def usual_gap(seconds: Seconds) -> float:
    """The time that a frame is usually shown; of a single frame, a second."""
    return float(np.median(np.diff(seconds))) if len(seconds) > 1 else 1.0


def end_of(seconds: Seconds) -> float:
    """When the last frame is over."""
    return float(seconds[-1]) + usual_gap(seconds)


def strided_windows(
    seconds: Seconds, frames: int, stride: int, *, every_seconds: float | None
) -> Windows:
    """Clips of an exact stride in frames.

    The last one ends with the video. A video too short for one repeats the last frame that the
    stride reaches, as ``view_grid.dense_clips`` does.

    Args:
        seconds: When each frame is shown, from 0 on.
        frames: Frames of a clip.
        stride: Distance between them, in frames of the video.
        every_seconds: From one start to the next; None: half a window, in whole frames.

    Raises:
        ValueError: ``every_seconds`` is less than a frame is shown.
    """
    num_frames, span = len(seconds), frames * stride
    last = max(0, num_frames - span)
    if every_seconds is None:
        firsts = np.arange(0, last + 1, max(1, span // 2))
    else:
        _require_longer_than_a_frame(every_seconds, seconds)
        firsts = _shown(seconds, np.arange(0.0, end_of(seconds), every_seconds))
        firsts = firsts[firsts <= last]
    firsts = np.unique(np.append(firsts, last))
    index = firsts[:, None] + stride * np.arange(frames)
    reached = (num_frames - 1) // stride * stride if num_frames < span else num_frames - 1
    ends = np.append(seconds, end_of(seconds))
    return Windows(
        np.minimum(index, reached).astype(np.int64),
        seconds[firsts],
        ends[np.minimum(firsts + span, num_frames)],
    )


def timed_windows(
    seconds: Seconds,
    frames: int,
    window_seconds: float,
    *,
    every_seconds: float | None,
    middles: bool,
) -> Windows:
    """Clips of frames at equal distances of time, whatever the frame rate.

    The last one ends with the video. A video shorter than a window repeats its last frame.

    Args:
        seconds: When each frame is shown, from 0 on.
        frames: Frames of a clip.
        window_seconds: How long a window is.
        every_seconds: From one start to the next; None: half a window.
        middles: Take the frame in the middle of each of the window's equal parts, not the first.

    Raises:
        ValueError: ``every_seconds`` is less than a frame is shown.
    """
    every = window_seconds / 2 if every_seconds is None else every_seconds
    _require_longer_than_a_frame(every, seconds)
    gap, end = usual_gap(seconds), end_of(seconds)
    last = max(0.0, end - window_seconds)
    starts = np.arange(0.0, last + gap * 1e-3, every)
    if last - starts[-1] > gap / 2:
        starts = np.append(starts, last)
    part = window_seconds / frames
    times = starts[:, None] + part * (np.arange(frames) + (0.5 if middles else 0.0))
    shown = _shown(seconds, times.ravel()).reshape(times.shape)
    return Windows(shown, starts, np.minimum(starts + window_seconds, end))


def _shown(seconds: Seconds, times: Float64[np.ndarray, " times"]) -> Int64[np.ndarray, " times"]:
    """The frame on show at each time; a thousandth of a frame early counts as in time."""
    number = np.searchsorted(seconds, times + usual_gap(seconds) * 1e-3, side="right") - 1
    return np.clip(number, 0, len(seconds) - 1).astype(np.int64)


def _require_longer_than_a_frame(every_seconds: float, seconds: Seconds) -> None:
    gap = usual_gap(seconds)
    if len(seconds) > 1 and every_seconds < gap * 0.999:
        raise ValueError(
            f"windows are to start every {every_seconds:g} s, and a frame is shown for {gap:.3g} s;"
            f" choose --every {gap:.3g} or more"
        )
