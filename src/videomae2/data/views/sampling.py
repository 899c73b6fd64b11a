"""Which frames of a video make a clip; indices only, nothing is decoded.

Strided: frames at exact distances. Dense: points of a linear grid over a window. Segments: one
frame of each equal part of the video. Timed: the same by seconds. Whole: frames at even distances
over all of the video, or over most of it.

Of a video: ``num_frames``, or the ``seconds`` at which each is shown. Of a clip: how many
``frames``, and their distance, ``frame_interval`` or ``step_seconds``. ``uniform``: draws in [0, 1)
of where it lies; None takes the middle (validation). Axes: frames of a clip; clips.
"""

import numpy as np
from jaxtyping import Float64, Int64

Seconds = Float64[np.ndarray, " num_frames"]


def median_frame_duration(seconds: Seconds, default: float = 1.0) -> float:
    """The time that a frame is usually shown; of a single frame nothing tells it."""
    return float(np.median(np.diff(seconds))) if len(seconds) > 1 else default


def compute_duration(seconds: Seconds, frame_duration: float | None = None) -> float:
    """From the first frame until the last one is over."""
    if frame_duration is None:
        frame_duration = median_frame_duration(seconds)
    return float(seconds[-1] - seconds[0]) + frame_duration


def find_shown_frames(
    seconds: Seconds, times: Float64[np.ndarray, "*shape"], frame_duration: float
) -> Int64[np.ndarray, "*shape"]:
    """The frame on show at each time; a thousandth of a frame early counts as in time."""
    number = np.searchsorted(seconds, times + frame_duration * 1e-3, side="right") - 1
    return np.clip(number, 0, len(seconds) - 1).astype(np.int64)


def pretrain_indices(
    num_frames: int, frames: int, frame_interval: int, *, first: int
) -> Int64[np.ndarray, " frames"]:
    """Every ``frame_interval``-th frame from ``first``; a short video repeats its last.

    The index stops where another step would reach the last frame, so a short video never gives
    its very last frame.

    Source: dataset/pretrain_datasets.py of the released code.
    """
    index = first + frame_interval * np.arange(frames, dtype=np.int64)
    reachable = max(first, first + frame_interval * ((num_frames - 2 - first) // frame_interval))
    return np.minimum(index, reachable)


def draw_first_frame(num_frames: int, span: int, uniform: float) -> int:
    """Where a clip over ``span`` frames of the video begins: anywhere it fits, else at 0."""
    return int(uniform * (num_frames - span + 1)) if num_frames >= span else 0


def timed_indices(
    seconds: Seconds, frames: int, step_seconds: float, uniform: float
) -> Int64[np.ndarray, " frames"]:
    """Frames shown at equal distances of time, whatever the frame rate; short videos repeat."""
    frame_duration = median_frame_duration(seconds, step_seconds)
    spare = max(0.0, compute_duration(seconds, frame_duration) - frames * step_seconds)
    times = seconds[0] + uniform * spare + step_seconds * np.arange(frames)
    return find_shown_frames(seconds, times, frame_duration)


def dense_indices(
    num_frames: int, frames: int, frame_interval: int, *, uniform: float | None
) -> Int64[np.ndarray, " frames"]:
    """Frames spread over a window of ``frames`` times ``frame_interval``, or over a shorter video.

    In truth their distance is a little more, for the grid has both ends of the window.

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


def short_indices(
    num_frames: int, frames: int, frame_interval: int
) -> Int64[np.ndarray, " frames"]:
    """The grid over a video that is no longer than the window; then its last frame repeats."""
    num_reached = num_frames // frame_interval
    grid = np.concatenate(
        (np.linspace(0, num_frames, num_reached), [num_frames] * (frames - num_reached))
    )
    return np.clip(grid, 0, num_frames - 1).astype(np.int64)


def segment_indices(
    num_frames: int, frames: int, uniform: Float64[np.ndarray, " frames"] | None
) -> Int64[np.ndarray, " frames"]:
    """One frame of each of ``frames`` equal parts; a shorter video repeats its first frame.

    Parts are of whole frames, so up to ``frames`` - 1 at the end of the video are in none. A draw
    is of the place in a part.

    Source: SSRawFrameClsDataset in dataset/datasets.py of the released code.
    """
    part = num_frames // frames
    if part == 0:
        return np.maximum(np.arange(num_frames - frames, num_frames, dtype=np.int64), 0)
    offset = part // 2 if uniform is None else (uniform * part).astype(np.int64)
    return np.arange(frames, dtype=np.int64) * part + offset


MIN_WHOLE_SHARE = 0.7
"""Of a video that a clip over the whole of it shows at least, in training."""


def whole_indices(
    num_frames: int, frames: int, uniform: tuple[float, float] | None
) -> Int64[np.ndarray, " frames"]:
    """Frames at even distances over the video: the middles of ``frames`` equal parts of it.

    Draws are of the share of the video, from ``MIN_WHOLE_SHARE`` to all, and of where that lies;
    None takes all. A shorter video repeats frames, each as often as any other, give or take one.
    """
    share, place = 1.0, 0.0
    if uniform is not None:
        share, place = MIN_WHOLE_SHARE + (1 - MIN_WHOLE_SHARE) * uniform[0], uniform[1]
    first = place * (1 - share) * num_frames
    middles = (np.arange(frames) + 0.5) / frames
    return floor_frames(first + share * num_frames * middles, num_frames)


def whole_clips(num_frames: int, frames: int, *, clips: int) -> Int64[np.ndarray, "clips frames"]:
    """Interleaved grids over the whole video: together they are one grid, ``clips`` times finer.

    One clip is that of ``whole_indices``.
    """
    check_positive(num_frames=num_frames, frames=frames, clips=clips)
    return whole_indices(num_frames, frames * clips, None).reshape(frames, clips).T


def floor_frames(
    positions: Float64[np.ndarray, "*shape"], num_frames: int
) -> Int64[np.ndarray, "*shape"]:
    """Whole frames of positions between them, none beyond the last."""
    return np.clip(positions.astype(np.int64), 0, num_frames - 1)


def dense_timed_indices(
    seconds: Seconds, frames: int, step_seconds: float, *, uniform: float | None
) -> Int64[np.ndarray, " frames"]:
    """Frames over a window of time, both ends in it; a shorter video repeats its last frame."""
    frame_duration = median_frame_duration(seconds, step_seconds)
    window = frames * step_seconds
    spare = max(0.0, compute_duration(seconds, frame_duration) - window)
    first = seconds[0] + spare * (0.5 if uniform is None else uniform)
    times = np.minimum(np.linspace(first, first + window, frames), first + window - frame_duration)
    return find_shown_frames(seconds, times, frame_duration)


def segment_timed_indices(
    seconds: Seconds, frames: int, uniform: Float64[np.ndarray, " frames"] | None
) -> Int64[np.ndarray, " frames"]:
    """The frame shown at one moment of each of ``frames`` parts of equal time."""
    frame_duration = median_frame_duration(seconds, 1.0)
    part = compute_duration(seconds, frame_duration) / frames
    moments = np.arange(frames) + (0.5 if uniform is None else uniform)
    return find_shown_frames(seconds, seconds[0] + part * moments, frame_duration)


def dense_clips(
    num_frames: int, frames: int, frame_interval: int, *, clips: int
) -> Int64[np.ndarray, "clips frames"]:
    """Clips of the exact interval, spread evenly from the first to the last that fits.

    A video too short for one clip repeats the last frame that the interval reaches, and all its
    clips are the same. One clip is taken from the middle, where the released code divides by 0.

    Source: VideoClsDataset in dataset/datasets.py of the released code, test mode.
    """
    check_positive(num_frames=num_frames, frames=frames, frame_interval=frame_interval, clips=clips)
    grid = np.arange(0, num_frames, frame_interval, dtype=np.int64)
    first = spread_evenly(max(len(grid) - frames, 0), clips)
    index = first[:, None] + np.arange(frames, dtype=np.int64)
    return grid[np.minimum(index, len(grid) - 1)]


def segment_clips(num_frames: int, frames: int, *, clips: int) -> Int64[np.ndarray, "clips frames"]:
    """Interleaved grids over the whole video: together they are one grid, ``clips`` times finer.

    One clip shows the first frame of each segment, as in the formula. A video of fewer frames
    repeats.

    Source: VideoClsDataset (sparse) and SSVideoClsDataset in dataset/datasets.py of the released
        code, test mode: all positions are sorted, then clip k takes every ``clips``-th from k on.
    """
    check_positive(num_frames=num_frames, frames=frames, clips=clips)
    segment_length = num_frames / frames
    # the order of these operations decides where a position rounds down: it is the released one
    positions = [
        [int(k * segment_length / clips + segment_length * x) for x in range(frames)]
        for k in range(clips)
    ]
    return np.sort(np.array(positions, dtype=np.int64), axis=None).reshape(frames, clips).T


def timed_clips(
    seconds: Seconds, frames: int, step_seconds: float, *, clips: int
) -> Int64[np.ndarray, "clips frames"]:
    """Clips with equal distances of time, whatever the frame rate, spread evenly over the video.

    One clip is taken from the middle.
    """
    check_positive(num_frames=len(seconds), frames=frames, clips=clips)
    positions = [0.5] if clips == 1 else [k / (clips - 1) for k in range(clips)]
    return np.stack([timed_indices(seconds, frames, step_seconds, u) for u in positions])


def spread_evenly(spare: int, count: int) -> Int64[np.ndarray, " count"]:
    """Starts from 0 to ``spare``, evenly, rounded down as the released code does; one: half."""
    if count == 1:
        return np.array([spare // 2], dtype=np.int64)
    step = spare / (count - 1)
    return np.array([int(k * step) for k in range(count)], dtype=np.int64)


def check_positive(**counts: int) -> None:
    """Refuse counts below 1.

    Raises:
        ValueError: With the name of the first.
    """
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} is {value}, wanted 1 or more")
