"""The time line of a long video: what holds when, from windows that slide over it.

The video is decoded once from first to last; only the frames that open windows need are kept,
small. Axes: windows, outputs, frames.
"""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from videomae2.base.progress import track
from videomae2.data.manifests.manifest import Entry
from videomae2.data.video.trim import check_channels
from videomae2.data.views.scan import SCAN_FUNCTION, ScanInfo, ScanRequest, iterate_scan, open_scan
from videomae2.data.views.sliding import SlidingWindows, strided_windows, timed_windows
from videomae2.data.workers.pool import Pool
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.inputs import VideoInput
from videomae2.inference.predictor import Predictor
from videomae2.metrics.timeline import (
    Segment,
    TimeBins,
    compute_activations,
    compute_time_bins,
    find_segments,
)
from videomae2.models.task_type import LabelSpace

_NO_TIMESTAMPS = (
    "a time line counts in seconds, and this is a folder of images or an array, which has no "
    "clock; give its --frame-rate"
)


_BATCH_SIZE = 8  # windows that the model looks at together


"""Told the seconds of video that are done, and its length."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineConfig:
    """The windows, and when a class holds."""

    window_seconds: float | None = None
    """How long a window is; as long as a clip of training if not given."""
    hop_seconds: float | None = None
    """From the start of one window to the next; half a window if not given."""
    threshold: float | None = None
    """The probability at which a class begins; 0.5, or none where classes exclude each other."""
    hysteresis: float = 0.1
    """A class ends this far below the threshold; the next one must be ahead by this."""

    def __post_init__(self) -> None:
        for name, value in (
            ("--window-seconds", self.window_seconds),
            ("--hop-seconds", self.hop_seconds),
        ):
            if value is not None and not 0 < value < float("inf"):
                raise ConfigError(f"{name} is {value:g}, wanted seconds above 0")
        for name, value in (("--threshold", self.threshold), ("--hysteresis", self.hysteresis)):
            if value is not None and not 0 <= value <= 1:
                raise ConfigError(f"{name} is {value:g}, wanted 0 to 1")


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


def compute_timeline(
    predictor: Predictor,
    video: VideoInput,
    config: TimelineConfig,
) -> Timeline:
    """Score the windows of a video.

    Args:
        predictor: The model and how videos are read.
        video: The video.
        config: The windows.

    Raises:
        VideoError: The video cannot be read as far as its first window ends, or has no clock.
        ConfigError: A choice cannot work with this model.
    """
    check_window_length(predictor, config)
    request = build_scan_request(predictor, video.entry, video.frame_name)
    with make_scan_pool(predictor) as pool:
        stream_info = open_scan(pool, request)
        windows = plan_windows(predictor, config, stream_info, video.entry.path)
        scores, read_error = [], None
        name, length_seconds = os.path.basename(video.entry.path), float(windows.stops[-1])
        done_seconds = 0.0
        try:
            with track(name, total=length_seconds, unit="s") as progress:
                for batch_scores in _score_windows(predictor, pool, request, stream_info, windows):
                    scores.append(batch_scores)
                    stop = float(windows.stops[sum(map(len, scores)) - 1])
                    progress.advance(stop - done_seconds)
                    done_seconds = stop
        except VideoError as error:
            if not scores:
                raise
            read_error = error
    return _build_timeline(
        predictor.outputs, video, config, windows, np.concatenate(scores), read_error
    )


def make_scan_pool(predictor: Predictor) -> Pool:
    """The one process that reads a long video; what took too long is not begun again."""
    return predictor.reading.pool(SCAN_FUNCTION, num_workers=1, max_attempts=1)


def build_scan_request(predictor: Predictor, entry: Entry, frame_name: str | None) -> ScanRequest:
    """How a video is read from first to last."""
    return ScanRequest(
        entry=entry,
        pixels=predictor.view_spec.pixels,
        limits=predictor.limits,
        frame_name=frame_name,
        frame_rate=predictor.frame_rate,
    )


def check_window_length(predictor: Predictor, config: TimelineConfig) -> None:
    """Refuse a time line without a length of its windows.

    Raises:
        ConfigError: The model's clips have none, and none was chosen.
    """
    if config.window_seconds is None and predictor.view_spec.frame_sampling == "tsn":
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
    view_spec = predictor.view_spec
    check_channels(path, stream_info.shape[2], view_spec.channels)
    if stream_info.seconds is None:
        raise VideoError(path, _NO_TIMESTAMPS)
    hop_seconds, window_seconds = config.hop_seconds, config.window_seconds
    try:
        if window_seconds is None and view_spec.interval_unit == "frames":
            stride = int(view_spec.frame_interval)
            return strided_windows(
                stream_info.seconds, view_spec.frames, stride, hop_seconds=hop_seconds
            )
        return timed_windows(
            stream_info.seconds,
            view_spec.frames,
            window_seconds or view_spec.frames * view_spec.step_seconds,
            hop_seconds=hop_seconds,
            centered=view_spec.frame_sampling == "tsn",
        )
    except ValueError as error:
        raise VideoError(path, str(error)) from error


def _score_windows(
    predictor: Predictor,
    pool: Pool,
    request: ScanRequest,
    stream_info: ScanInfo,
    windows: SlidingWindows,
) -> Iterator[Float64[np.ndarray, "windows outputs"]]:
    """Scores of the windows in order, some at a time; what was read before a damage is scored."""
    pending_clips: list[Tensor] = []
    read_error: VideoError | None = None
    clips = _read_clips(predictor, pool, request, stream_info, windows)
    while True:
        try:
            new_clips = next(clips, None)
        except VideoError as error:
            new_clips, read_error = None, error
        if new_clips is not None:
            pending_clips += new_clips
        while len(pending_clips) >= _BATCH_SIZE or (new_clips is None and pending_clips):
            yield predictor.score_clips(torch.stack(pending_clips[:_BATCH_SIZE]))
            del pending_clips[:_BATCH_SIZE]
        if read_error is not None:
            raise read_error
        if new_clips is None:
            return


def _read_clips(
    predictor: Predictor,
    pool: Pool,
    request: ScanRequest,
    stream_info: ScanInfo,
    windows: SlidingWindows,
) -> Iterator[list[Tensor]]:
    """The clips that get complete with each part of the video, in order."""
    pending_windows = deque(windows.frames.tolist())
    frames_by_index: dict[int, Tensor] = {}
    for indices, frames in iterate_scan(
        pool, request, np.unique(windows.frames).tolist(), stream_info.shape
    ):
        frames_by_index.update(zip(indices, predictor.scorer.crop_center(frames), strict=True))
        complete = []
        while pending_windows and pending_windows[0][-1] <= indices[-1]:
            complete.append(
                torch.stack([frames_by_index[index] for index in pending_windows.popleft()])
            )
        first = pending_windows[0][0] if pending_windows else 0
        for dropped in [index for index in frames_by_index if index < first]:
            del frames_by_index[dropped]
        yield complete


def _build_timeline(
    outputs: LabelSpace,
    video: VideoInput,
    config: TimelineConfig,
    windows: SlidingWindows,
    scores: Float64[np.ndarray, "windows outputs"],
    read_error: VideoError | None,
) -> Timeline:
    num_done = len(scores)
    windows = SlidingWindows(
        windows.frames[:num_done], windows.starts[:num_done], windows.stops[:num_done]
    )
    bins = compute_time_bins(windows.starts, windows.stops, scores)
    active_segments: list[Segment] = []
    if outputs.classification_type is not None:
        threshold = outputs.get_threshold(config.threshold)
        is_active = compute_activations(
            bins.scores,
            outputs.classification_type,
            threshold=threshold,
            hysteresis=config.hysteresis,
        )
        active_segments = find_segments(bins, is_active)
    return Timeline(
        video=video.entry.path,
        outputs=outputs,
        length_seconds=float(windows.stops[-1]),
        windows=windows,
        scores=scores,
        bins=bins,
        segments=active_segments,
        read_error=read_error,
    )
