"""The time line of a long video: what holds when, from windows that slide over it.

The video is decoded once from first to last; only the frames that open windows need are kept,
small. Axes: windows, outputs, frames.
"""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from videomae2.base.progress import track
from videomae2.base.ranges import POSITIVE, SHARE, find_range_errors
from videomae2.data.video.reader import Frames
from videomae2.data.video.trim import check_channels
from videomae2.data.views.scan import SCAN_FUNCTION, ScanInfo, ScanRequest, iterate_scan, open_scan
from videomae2.data.views.sliding import SlidingWindows, strided_windows, timed_windows
from videomae2.data.workers.pool import Pool
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.inputs import VideoInput
from videomae2.inference.predictor import Predictor
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
    read_error: VideoError | None = None
    """Why the video could not be read to its end; the time line covers what was."""


def compute_timeline(predictor: Predictor, video: VideoInput, config: TimelineConfig) -> Timeline:
    """Score the windows of a video.

    Raises:
        VideoError: The video cannot be read as far as its first window ends, or has no clock.
        ConfigError: A choice cannot work with this model.
    """
    check_window_length(predictor, config)
    request = build_scan_request(predictor, video)
    scores, read_error = [], None
    with make_scan_pool(predictor) as pool:
        stream_info = open_scan(pool, request)
        windows = plan_windows(predictor, config, stream_info, video.entry.path)
        parts = iterate_scan(pool, request, np.unique(windows.frames).tolist(), stream_info.shape)
        name, length_seconds = os.path.basename(video.entry.path), float(windows.stops[-1])
        num_done, done_seconds = 0, 0.0
        try:
            with track(name, total=length_seconds, unit="s") as progress:
                for batch_scores in _score_clips(predictor, _cut_clips(predictor, parts, windows)):
                    scores.append(batch_scores)
                    num_done += len(batch_scores)
                    stop = float(windows.stops[num_done - 1])
                    progress.advance(stop - done_seconds)
                    done_seconds = stop
        except VideoError as error:
            if not scores:
                raise
            read_error = error
    windows = SlidingWindows(
        windows.frames[:num_done], windows.starts[:num_done], windows.stops[:num_done]
    )
    all_scores = np.concatenate(scores)
    bins, outputs = smooth_windows(windows.starts, windows.stops, all_scores), predictor.outputs
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
        video=video.entry.path,
        outputs=outputs,
        length_seconds=float(windows.stops[-1]),
        windows=windows,
        scores=all_scores,
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
    if config.window_seconds is None and predictor.scorer.views.frame_sampling == "tsn":
        raise ConfigError(
            "this model was trained on whole videos, one frame of each equal part, so its clips "
            "have no length of their own; choose --window-seconds SECONDS"
        )


def plan_windows(
    predictor: Predictor, config: TimelineConfig, stream_info: ScanInfo, path: str
) -> SlidingWindows:
    """Choose the frames of every window.

    Raises:
        VideoError: The video has no clock, frames that are longer than the windows' distance, or
            another number of channels than the model reads.
    """
    views, seconds = predictor.scorer.views, stream_info.seconds
    check_channels(path, stream_info.shape[2], views.channels)
    if seconds is None:
        raise VideoError(path, _NO_TIMESTAMPS)
    hop_seconds, window_seconds = config.hop_seconds, config.window_seconds
    try:
        if window_seconds is None and views.interval_unit == "frames":
            stride = int(views.frame_interval)
            return strided_windows(seconds, views.frames, stride, hop_seconds=hop_seconds)
        return timed_windows(
            seconds,
            views.frames,
            window_seconds or views.frames * views.step_seconds,
            hop_seconds=hop_seconds,
            centered=views.frame_sampling == "tsn",
        )
    except ValueError as error:
        raise VideoError(path, str(error)) from error


def _score_clips(
    predictor: Predictor, clips: Iterator[list[Tensor]]
) -> Iterator[Float64[np.ndarray, "windows outputs"]]:
    """Scores of the windows in order, some at a time; what was read before a damage is scored."""
    pending: list[Tensor] = []
    read_error: VideoError | None = None
    try:
        for new_clips in clips:
            pending += new_clips
            while len(pending) >= _BATCH_SIZE:
                yield predictor.score_clips(torch.stack(pending[:_BATCH_SIZE]))
                del pending[:_BATCH_SIZE]
    except VideoError as error:
        read_error = error
    if pending:
        yield predictor.score_clips(torch.stack(pending))
    if read_error is not None:
        raise read_error


def _cut_clips(
    predictor: Predictor, parts: Iterator[tuple[tuple[int, ...], Frames]], windows: SlidingWindows
) -> Iterator[list[Tensor]]:
    """The clips that get complete with each part of the video, in order."""
    pending_windows = deque(windows.frames.tolist())
    frames_by_index: dict[int, Tensor] = {}
    for indices, frames in parts:
        frames_by_index.update(zip(indices, predictor.scorer.crop_center(frames), strict=True))
        complete = []
        while pending_windows and pending_windows[0][-1] <= indices[-1]:
            complete.append(torch.stack([frames_by_index[i] for i in pending_windows.popleft()]))
        first = pending_windows[0][0] if pending_windows else 0
        for dropped in [index for index in frames_by_index if index < first]:
            del frames_by_index[dropped]
        yield complete
