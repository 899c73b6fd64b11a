"""Which frames of a video make a clip; indices only, nothing is decoded.

Axes: frames of a clip.
"""

import numpy as np
from jaxtyping import Float64, Int64


def pretrain_indices(
    num_frames: int, frames: int, frame_interval: int, *, first: int
) -> Int64[np.ndarray, " frames"]:
    """Every ``frame_interval``-th frame from ``first``; short videos repeat the last one they reach.

    The index stops where another step would reach the last frame, so a short video never gives
    its very last frame.

    Source: dataset/pretrain_datasets.py of the released code.
    """
    index = first + frame_interval * np.arange(frames, dtype=np.int64)
    reachable = max(first, first + frame_interval * ((num_frames - 2 - first) // frame_interval))
    return np.minimum(index, reachable)


def draw_first_frame(num_frames: int, span: int, uniform: float) -> int:
    """Where a clip over ``span`` frames begins: anywhere it fits, else at 0.

    Args:
        num_frames: Frames of the video.
        span: Frames that the clip covers, frames times stride.
        uniform: A draw in [0, 1).
    """
    return int(uniform * (num_frames - span + 1)) if num_frames >= span else 0


def timed_indices(
    seconds: Float64[np.ndarray, " num_frames"], frames: int, step_seconds: float, uniform: float
) -> Int64[np.ndarray, " frames"]:
    """Frames shown at equal distances of time, whatever the frame rate; short videos repeat.

    Args:
        seconds: When each frame of the video is shown.
        frames: Frames of the clip.
        step_seconds: Time from one frame of the clip to the next.
        uniform: A draw in [0, 1) of where the clip begins.
    """
    frame_duration = float(np.median(np.diff(seconds))) if len(seconds) > 1 else step_seconds
    length = float(seconds[-1] - seconds[0]) + frame_duration
    spare = max(0.0, length - frames * step_seconds)
    times = seconds[0] + uniform * spare + step_seconds * np.arange(frames)
    shown = np.searchsorted(seconds, times + frame_duration * 1e-3, side="right") - 1
    return np.clip(shown, 0, len(seconds) - 1).astype(np.int64)
