"""Which frames of a labelled video make a clip of training, or the one of validation.

Dense: points of a linear grid over a window. Segments: one frame of each equal part of the video.
Indices only, nothing is decoded. Axes: frames of a clip.
"""

import numpy as np
from jaxtyping import Float64, Int64

Seconds = Float64[np.ndarray, " num_frames"]


def dense_indices(
    num_frames: int, frames: int, frame_interval: int, *, uniform: float | None
) -> Int64[np.ndarray, " frames"]:
    """Frames spread over a window of ``frames`` times ``frame_interval``, or over a shorter video.

    Args:
        num_frames: Frames of the video.
        frames: Frames of the clip.
        frame_interval: Their distance; in truth a little more, for the grid has both ends of the window.
        uniform: A draw in [0, 1) of the window's place; None takes the middle (validation).

    Source: VideoClsDataset in dataset/datasets.py of the released code.
    """
    window = frames * frame_interval
    if num_frames <= window:
        return short_indices(num_frames, frames, frame_interval)
    stop = (window + num_frames) // 2
    if uniform is not None:
        stop = window + int(uniform * (num_frames - window))
    return window_indices(frames, frame_interval, stop=stop)


def window_indices(frames: int, frame_interval: int, *, stop: int) -> Int64[np.ndarray, " frames"]:
    """The grid over the window that ends before frame ``stop``."""
    first = stop - frames * frame_interval
    return np.clip(np.linspace(first, stop, frames), first, stop - 1).astype(np.int64)


def short_indices(num_frames: int, frames: int, frame_interval: int) -> Int64[np.ndarray, " frames"]:
    """The grid over a video that is no longer than the window; then its last frame repeats."""
    num_reached = num_frames // frame_interval
    grid = np.concatenate((np.linspace(0, num_frames, num_reached), [num_frames] * (frames - num_reached)))
    return np.clip(grid, 0, num_frames - 1).astype(np.int64)


def segment_indices(
    num_frames: int, frames: int, uniform: Float64[np.ndarray, " frames"] | None
) -> Int64[np.ndarray, " frames"]:
    """One frame of each of ``frames`` equal parts; a shorter video repeats its first frame.

    Parts are of whole frames, so up to ``frames`` - 1 at the end of the video are in none.

    Args:
        num_frames: Frames of the video.
        frames: Frames of the clip.
        uniform: Draws in [0, 1) of the places in the parts; None takes the middles (validation).

    Source: SSRawFrameClsDataset in dataset/datasets.py of the released code.
    """
    part = num_frames // frames
    if part == 0:
        return np.maximum(np.arange(num_frames - frames, num_frames, dtype=np.int64), 0)
    offset = part // 2 if uniform is None else (uniform * part).astype(np.int64)
    return np.arange(frames, dtype=np.int64) * part + offset


def dense_timed_indices(
    seconds: Seconds, frames: int, step_seconds: float, *, uniform: float | None
) -> Int64[np.ndarray, " frames"]:
    """Frames spread over a window of time, both ends in it; a shorter video repeats its last frame.

    Args:
        seconds: When each frame of the video is shown.
        frames: Frames of the clip.
        step_seconds: The window is ``frames`` times this long.
        uniform: A draw in [0, 1) of the window's place; None takes the middle (validation).
    """
    frame_duration = _median_frame_duration(seconds, step_seconds)
    window = frames * step_seconds
    spare = max(0.0, _compute_duration(seconds, frame_duration) - window)
    first = seconds[0] + spare * (0.5 if uniform is None else uniform)
    times = np.minimum(np.linspace(first, first + window, frames), first + window - frame_duration)
    return _find_shown_frames(seconds, times, frame_duration)


def segment_timed_indices(
    seconds: Seconds, frames: int, uniform: Float64[np.ndarray, " frames"] | None
) -> Int64[np.ndarray, " frames"]:
    """The frame shown at one moment of each of ``frames`` parts of equal time.

    Args:
        seconds: When each frame of the video is shown.
        frames: Frames of the clip.
        uniform: Draws in [0, 1) of the moments in the parts; None takes the middles (validation).
    """
    frame_duration = _median_frame_duration(seconds, 1.0)
    part = _compute_duration(seconds, frame_duration) / frames
    moments = np.arange(frames) + (0.5 if uniform is None else uniform)
    return _find_shown_frames(seconds, seconds[0] + part * moments, frame_duration)


def _median_frame_duration(seconds: Seconds, default: float) -> float:
    """The time that a frame is usually shown."""
    return float(np.median(np.diff(seconds))) if len(seconds) > 1 else default


def _compute_duration(seconds: Seconds, frame_duration: float) -> float:
    return float(seconds[-1] - seconds[0]) + frame_duration


def _find_shown_frames(seconds: Seconds, times: np.ndarray, frame_duration: float) -> Int64[np.ndarray, " frames"]:
    """The frame on show at each time; a thousandth of a frame early counts as in time."""
    number = np.searchsorted(seconds, times + frame_duration * 1e-3, side="right") - 1
    return np.clip(number, 0, len(seconds) - 1).astype(np.int64)
