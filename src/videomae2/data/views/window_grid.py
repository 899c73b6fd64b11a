"""The regular windows of a whole video, of which features are made; nothing is read. No torch here.

Window i begins ``i * stride`` behind the start, and all of it lies in the video: what is left over
at the end is in no window, so a feature's number tells its time, as detection code expects.

Axes: num_frames of the video; windows; frames of a clip; features.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int64

from videomae2.data.views.jumps import format_jumps, list_jumps
from videomae2.data.views.sampling import (
    Seconds,
    compute_duration,
    find_shown_frames,
    median_frame_duration,
)
from videomae2.data.views.sliding import SlidingWindows, check_duration, check_hop
from videomae2.errors import ConfigError

ShortVideos = Literal["repeat", "skip"]


def count_windows(num_frames: int, window: int, stride: int) -> int:
    """How many windows of consecutive frames a video has.

    Source: extract_tad_feature.py of the released code.
    """
    return max(0, (num_frames - window) // stride + 1)


def center_seconds(number: float, *, stride: float, window: float, fps: float) -> float:
    """The moment in the middle of a window, by its number, which may lie between two.

    Source: ActionFormer's grid; both lengths in frames.
    """
    return (number * stride + window / 2) / fps


def window_number(seconds: float, *, stride: float, window: float, fps: float) -> float:
    """The window in whose middle a moment lies; between two it is a fraction."""
    return (seconds * fps - window / 2) / stride


def resize_in_time(
    features: Float[np.ndarray, "features dim"], count: int
) -> Float[np.ndarray, "count dim"]:
    """Bring a video's features to a fixed number: linear, the ends of the grid at the ends of time.

    Source: FineAction and ActivityNet in ActionFormer (align_corners false).
    """
    total = len(features)
    place = np.clip((np.arange(count) + 0.5) * total / count - 0.5, 0, total - 1)
    below = np.floor(place).astype(np.int64)
    above, share = np.minimum(below + 1, total - 1), (place - below)[:, None]
    return (features[below] * (1 - share) + features[above] * share).astype(features.dtype)


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowGrid:
    """Windows by frames, or where ``window_seconds`` is given by time."""

    frames: int
    """Of a clip."""
    frame_interval: int = 1
    """Frames from one of a clip to the next."""
    stride: int = 1
    """Frames from the start of one window to the next."""
    window_seconds: float | None = None
    """Length of a window; its clip has frames at equal distances of it."""
    stride_seconds: float = 0.0
    """From the start of one window to the next."""
    short: ShortVideos = "repeat"
    """A video that is shorter than a window has one in which its last frame repeats, or none."""

    def to_provenance(self) -> dict[str, Any]:
        """All that decides which frames a window shows."""
        if self.window_seconds is None:
            lengths: dict[str, Any] = {
                "frame_interval": self.frame_interval,
                "stride_frames": self.stride,
            }
        else:
            lengths = {
                "window_seconds": self.window_seconds,
                "stride_seconds": self.stride_seconds,
            }
        return {"frames": self.frames, **lengths, "short": self.short}

    def place(
        self, num_frames: int, seconds: Seconds | None, start_seconds: float
    ) -> tuple[Int64[np.ndarray, "windows frames"], SlidingWindows | None]:
        """The frames of every window; and with their times, if the video has a clock.

        Raises:
            ValueError: There is no window, or none can be placed; says why.
        """
        if self.window_seconds is not None:
            windows = self._place_by_time(seconds, self.window_seconds)
            return windows.frames, windows.shift(start_seconds)
        span = self.frames * self.frame_interval
        count = count_windows(num_frames, span, self.stride)
        if count == 0 and self.short == "skip":
            raise ValueError(f"it has {num_frames} frames, and a window {span}")
        starts = self.stride * np.arange(max(1, count), dtype=np.int64)
        frames = starts[:, None] + self.frame_interval * np.arange(self.frames)
        frames = np.minimum(frames, num_frames - 1)
        if seconds is None:
            return frames, None
        ends = np.append(seconds, compute_duration(seconds))
        stops = ends[np.minimum(starts + span, num_frames)]
        return frames, SlidingWindows(frames, seconds[starts], stops).shift(start_seconds)

    def _place_by_time(self, seconds: Seconds | None, window_seconds: float) -> SlidingWindows:
        if seconds is None:
            raise ValueError("its windows count in seconds, and it has no clock; give a frame rate")
        if jumps := list_jumps(seconds):
            raise ValueError(
                f"{format_jumps(jumps)}, which windows by time cannot leave out; take windows by "
                "frames, or cut it there"
            )
        frame_duration, end = median_frame_duration(seconds), compute_duration(seconds)
        check_duration(end)
        if len(seconds) > 1:
            check_hop(self.stride_seconds, frame_duration)
        spare = end - window_seconds + frame_duration * 1e-3
        if spare < 0 and self.short == "skip":
            raise ValueError(f"it lasts {end:.3g} s, and a window {window_seconds:g} s")
        starts = self.stride_seconds * np.arange(1 + max(0, int(spare / self.stride_seconds)))
        times = starts[:, None] + window_seconds / self.frames * np.arange(self.frames)
        shown = find_shown_frames(seconds, times, frame_duration)
        return SlidingWindows(shown, starts, np.minimum(starts + window_seconds, end))


def check_grid(grid: WindowGrid) -> None:
    """Refuse lengths that cannot be.

    Raises:
        ConfigError: Says which.
    """
    if min(grid.frames, grid.frame_interval, grid.stride) < 1:
        raise ConfigError("--window, --frame-interval and --stride want 1 or more")
