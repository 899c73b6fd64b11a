"""Where the clock of a video jumps: recordings that were joined, or that broke off for a while.

A frame is on show until the next one, but not for as long as a jump lasts: there is no frame then.
"""

import numpy as np
from jaxtyping import Int64

from videomae2.data.views.sampling import Seconds, median_frame_duration

_MIN_SECONDS = 5.0
_MIN_FRAMES = 20
Jump = tuple[float, float]
"""From when to when no frame is on show, in seconds."""


def longest_hold(frame_duration: float) -> float:
    """For how long a frame may be on show, as where nothing moves on a screen, before it is a jump.

    A frame that is shown for longer than 5 s and than 20 usual ones is followed by a jump.
    """
    return max(_MIN_SECONDS, _MIN_FRAMES * frame_duration)


def find_jumps(seconds: Seconds) -> Int64[np.ndarray, " jumps"]:
    """The frames that are followed by a jump of the clock."""
    steps = np.diff(seconds)
    if not len(steps):
        return np.zeros(0, np.int64)
    usual = float(np.quantile(steps, 0.5, method="lower"))  # of two steps one may be the jump
    return np.flatnonzero(steps > longest_hold(usual)).astype(np.int64)


def list_jumps(seconds: Seconds) -> tuple[Jump, ...]:
    """From when to when no frame is on show; the frame before is shown for as long as usual."""
    duration, jumps = usual_frame_duration(seconds), find_jumps(seconds)
    return tuple(
        (float(seconds[jump]) + duration, float(seconds[jump + 1])) for jump in jumps.tolist()
    )


def close_jumps(seconds: Seconds) -> Seconds:
    """The clock without its jumps: what is behind one follows as the next frame does."""
    jumps = find_jumps(seconds)
    if not len(jumps):
        return seconds
    steps = np.diff(seconds)
    steps[jumps] = usual_frame_duration(seconds)
    return seconds[0] + np.concatenate(([0.0], np.cumsum(steps)))


def usual_frame_duration(seconds: Seconds, default: float = 1.0) -> float:
    """For how long a frame is usually shown, jumps aside."""
    jumps = find_jumps(seconds)
    if not len(jumps):
        return median_frame_duration(seconds, default)
    return float(np.median(np.delete(np.diff(seconds), jumps)))


def format_jumps(jumps: tuple[Jump, ...]) -> str:
    """Say between which moments no frame is; "" where the clock does not jump."""
    if not jumps:
        return ""
    start, stop = max(jumps, key=lambda jump: jump[1] - jump[0])
    total = sum(stop - start for start, stop in jumps)
    count = "" if len(jumps) == 1 else f" and at {len(jumps) - 1} more places, {total:.2f} s in all"
    return f"its clock jumps, so no frame is from {start:.2f} s to {stop:.2f} s{count}"
