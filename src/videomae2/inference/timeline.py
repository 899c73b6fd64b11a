"""The time line of a long video: what holds when, from windows that slide over it.

The video is decoded once from first to last; only the frames that open windows need are kept,
small. Axes: windows, outputs, frames.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from videomae2.base.progress import track
from videomae2.base.ranges import POSITIVE, SHARE, find_range_errors
from videomae2.base.text import format_count
from videomae2.data.video.reader import Frames
from videomae2.data.video.trim import check_channels, fit_channels
from videomae2.data.views.clip_cutter import ClipCutter, FrameClip
from videomae2.data.views.jumps import format_jumps
from videomae2.data.views.scan import (
    SCAN_FUNCTION,
    ScanInfo,
    ScanRequest,
    iterate_scan,
    open_scan,
)
from videomae2.data.views.sliding import SlidingWindows, WindowRule
from videomae2.data.workers.pool import Pool
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.inputs import VideoInput
from videomae2.inference.predictor import Predictor
from videomae2.inference.views import format_frames
from videomae2.metrics.timeline_smoothing import (
    Segment,
    TimeBins,
    compute_activations,
    find_segments,
    smooth_windows,
)
from videomae2.models.task_type import LabelSpace

_NO_TIMESTAMPS = (
    "a time line counts in seconds, and this is a folder of images or an array, which has no "
    "clock; give its --frame-rate"
)
_HYSTERESIS = 0.1
_BATCH_SIZE = 8  # windows that the model looks at together


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineConfig:
    """When a class holds, and the windows of a time line."""

    window_seconds: Annotated[float | None, POSITIVE] = None
    """Seconds that a window of the time line shows; as long as a clip of training if not given."""
    hop_seconds: Annotated[float | None, POSITIVE] = None
    """Seconds from the start of one window to the next; half a window if not given."""
    threshold: Annotated[float | None, SHARE] = None
    """The probability from which a class holds; 0.5 where any number of them may, else the best
    one always does."""
    hysteresis: Annotated[float | None, SHARE] = None
    """What holds ends this far below the threshold, and gives way to what is ahead by this; 0.1 if
    not given."""

    def __post_init__(self) -> None:
        if problems := [problem for _, problem in find_range_errors(self)]:
            raise ConfigError(problems)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Timeline:
    """What a model says of a video, over its time."""

    video: str
    outputs: LabelSpace
    length_seconds: float
    windows: SlidingWindows
    """The windows that were scored."""
    scores: Float64[np.ndarray, "windows outputs"]
    """Probabilities of each, or numbers."""
    bins: TimeBins
    """The mean over the windows that show a moment."""
    segments: list[Segment]
    """What holds when, by start; empty for numbers."""
    num_lost: int = 0
    """Windows that could not be read."""
    read_error: VideoError | None = None
    """Why the first of them could not; the time line covers what was read."""

    def describe_jumps(self) -> str:
        """Say from when to when there is no frame; "" where the clock does not jump."""
        return format_jumps(self.windows.jumps)

    def describe_loss(self) -> str:
        """Say how many windows are not there, and why; "" where all are."""
        total = format_count(len(self.windows.starts) + self.num_lost, "window")
        reason = self.read_error.reason if self.read_error else ""
        return f"{self.num_lost} of {total} cannot be read: {reason}" if self.num_lost else ""


def compute_timeline(predictor: Predictor, video: VideoInput, config: TimelineConfig) -> Timeline:
    """Score the windows of a video.

    Raises:
        VideoError: The video cannot be read as far as its first window ends, or has no clock.
        ConfigError: A choice cannot work with this model.
    """
    check_window_length(predictor, config)
    request = build_scan_request(predictor, video)
    with make_scan_pool(predictor) as pool:
        stream_info = open_scan(pool, request)
        windows = plan_windows(predictor, config, stream_info, video.entry.path)
        parts = iterate_scan(pool, request, np.unique(windows.frames).tolist(), stream_info.shape)
        clips = ClipCutter(windows.frames, partial(_crop_center, predictor))
        name, length_seconds = os.path.basename(video.entry.path), float(windows.stops[-1])
        scores = []
        with track(name, total=length_seconds, unit="s") as progress:
            done_seconds = 0.0
            for batch_scores, last_window in _score_clips(predictor, _stack(clips.cut(parts))):
                scores.append(batch_scores)
                stop = float(windows.stops[last_window])
                progress.advance(stop - done_seconds)
                done_seconds = stop
    read_error, num_windows = clips.error, len(windows.starts)
    if read_error is not None and not scores:
        raise read_error
    windows = windows.take(np.array(clips.complete, dtype=np.int64))
    return summarize_windows(
        video.entry.path,
        predictor.outputs,
        windows,
        np.concatenate(scores),
        config,
        num_lost=num_windows - len(windows.starts),
        read_error=read_error,
    )


def summarize_windows(
    video: str,
    outputs: LabelSpace,
    windows: SlidingWindows,
    scores: Float64[np.ndarray, "windows outputs"],
    config: TimelineConfig,
    *,
    num_lost: int = 0,
    read_error: VideoError | None = None,
) -> Timeline:
    """The time line that scored windows make, one at least."""
    bins = smooth_windows(windows.starts, windows.stops, scores, windows.jumps)
    segments: list[Segment] = []
    if outputs.classification_type is not None:
        threshold = outputs.get_threshold(config.threshold)
        is_active = compute_activations(
            bins.scores,
            outputs.classification_type,
            threshold=threshold,
            hysteresis=_HYSTERESIS if config.hysteresis is None else config.hysteresis,
        )
        segments = find_segments(bins, is_active)
    return Timeline(
        video=video,
        outputs=outputs,
        length_seconds=float(windows.stops[-1]),
        num_lost=num_lost,
        windows=windows,
        scores=scores,
        bins=bins,
        segments=segments,
        read_error=read_error,
    )


def make_scan_pool(predictor: Predictor) -> Pool:
    """The one process that reads a long video; what took too long is not begun again."""
    return predictor.scorer.reading.pool(SCAN_FUNCTION, num_workers=1, max_attempts=1)


def build_scan_request(predictor: Predictor, video: VideoInput) -> ScanRequest:
    """How a video is read from first to last."""
    views = predictor.scorer.views
    return ScanRequest(
        entry=video.entry,
        pixels=views.pixels,
        limits=views.limits,
        frame_name=video.frame_name,
        frame_rate=views.frame_rate,
    )


def check_window_length(predictor: Predictor, config: TimelineConfig) -> None:
    """Refuse a time line without a length of its windows.

    Raises:
        ConfigError: The model's clips have none, and none was chosen.
    """
    views = predictor.scorer.views
    if config.window_seconds is None and views.frame_sampling != "strided":
        raise ConfigError(
            f"this model was trained on whole videos, {format_frames(views)}, so its clips "
            f"have no length of their own; choose --window-seconds SECONDS"
        )


def plan_windows(
    predictor: Predictor, config: TimelineConfig, stream_info: ScanInfo, path: str
) -> SlidingWindows:
    """Choose the frames of every window.

    Raises:
        VideoError: The video has no clock, frames that are longer than the windows' distance, or
            another number of channels than the model reads.
    """
    seconds = stream_info.seconds
    check_channels(path, stream_info.shape[2], predictor.scorer.views.channels)
    if seconds is None:
        raise VideoError(path, _NO_TIMESTAMPS)
    try:
        windows = build_window_rule(predictor, config).slide(seconds)
    except ValueError as error:
        raise VideoError(path, str(error)) from error
    return windows.shift(stream_info.start_seconds)


def build_window_rule(predictor: Predictor, config: TimelineConfig) -> WindowRule:
    """Which frames a window shows, whatever the video."""
    views, window_seconds = predictor.scorer.views, config.window_seconds
    by_frames = window_seconds is None and views.interval_unit == "frames"
    return WindowRule(
        frames=views.frames,
        frame_interval=int(views.frame_interval) if by_frames else None,
        window_seconds=window_seconds or views.frames * views.step_seconds,
        hop_seconds=config.hop_seconds,
        centered=views.frame_sampling != "strided",
    )


def _score_clips(
    predictor: Predictor, clips: Iterator[tuple[Tensor, int]]
) -> Iterator[tuple[Float64[np.ndarray, "windows outputs"], int]]:
    """Scores of the windows in order, some at a time, and the number of the last of them."""
    while batch := list(islice(clips, _BATCH_SIZE)):
        yield predictor.score_clips(torch.stack([clip for clip, _ in batch])), batch[-1][1]


def _stack(parts: Iterator[list[FrameClip]]) -> Iterator[tuple[Tensor, int]]:
    for number, frames in chain.from_iterable(parts):
        yield torch.stack(frames), number


def _crop_center(predictor: Predictor, frames: Frames) -> Tensor:
    fitted = fit_channels("", frames, predictor.scorer.views.channels)
    return predictor.scorer.crop_center(fitted)
