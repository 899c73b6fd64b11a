"""The time line of a long video: what holds when, from windows that slide over it.

The video is decoded once from first to last; only the frames that open windows need are kept,
small. Axes: windows, outputs, frames.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from videomae2.data.manifest import Entry
from videomae2.data.opening import check_channels
from videomae2.data.pool import Pool
from videomae2.data.scan import FUNCTION, Opened, ScanRequest, open_scan, scan
from videomae2.data.sliding import Windows, strided_windows, timed_windows
from videomae2.errors import ConfigError, VideoError
from videomae2.jobs.answers import Outputs
from videomae2.jobs.predict import Predictor
from videomae2.jobs.video_inputs import Input
from videomae2.tensors.timeline import Cells, Segment, cells, holding, segments

_NO_CLOCK = (
    "a time line counts in seconds, and this is a folder of images or an array, which has no "
    "clock; give its --frame-rate"
)
_BATCH = 8  # windows that the model looks at together

Progress = Callable[[float, float], None]
"""Told the seconds of video that are done, and its length."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineConfig:
    """The windows, and when a class holds."""

    window_seconds: float | None = None
    """How long a window is; as long as a clip of training if not given."""
    every_seconds: float | None = None
    """From the start of one window to the next; half a window if not given."""
    threshold: float | None = None
    """The probability at which a class begins; 0.5, or none where classes exclude each other."""
    margin: float = 0.1
    """A class ends this far below the threshold; the next one must be ahead by this."""

    def __post_init__(self) -> None:
        for name, value in (("--window", self.window_seconds), ("--every", self.every_seconds)):
            if value is not None and not 0 < value < float("inf"):
                raise ConfigError(f"{name} is {value:g}, wanted seconds above 0")
        for name, value in (("--threshold", self.threshold), ("--margin", self.margin)):
            if value is not None and not 0 <= value <= 1:
                raise ConfigError(f"{name} is {value:g}, wanted 0 to 1")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Timeline:
    """What a model says of a video, over its time."""

    video: str
    outputs: Outputs
    length_seconds: float
    windows: Windows
    """The windows that were scored."""
    scores: Float64[np.ndarray, "windows outputs"]
    """Probabilities of each, or numbers."""
    cells: Cells
    """The mean over the windows that show a moment."""
    segments: list[Segment]
    """What holds when, by start; empty for numbers."""
    stopped: VideoError | None = None
    """Why the video could not be read to its end; the time line covers what was."""


def make_timeline(
    predictor: Predictor,
    video: Input,
    config: TimelineConfig,
    *,
    progress: Progress = lambda _done, _length: None,
) -> Timeline:
    """Score the windows of a video.

    Args:
        predictor: The model and how videos are read.
        video: The video.
        config: The windows.
        progress: Told how far it is, after every batch.

    Raises:
        VideoError: The video cannot be read as far as its first window ends, or has no clock.
        ConfigError: A choice cannot work with this model.
    """
    check_windows(predictor, config)
    request = scan_request(predictor, video.entry, video.frame_name)
    with predictor.reading.pool(FUNCTION, workers=1) as pool:
        opened = open_scan(pool, request)
        windows = plan_windows(predictor, config, opened, video.entry.path)
        scores, stopped = [], None
        try:
            for part in _scored(predictor, pool, request, opened, windows):
                scores.append(part)
                done = sum(map(len, scores))
                progress(float(windows.stops[done - 1]), float(windows.stops[-1]))
        except VideoError as error:
            if not scores:
                raise
            stopped = error
    return _timeline(predictor.outputs, video, config, windows, np.concatenate(scores), stopped)


def scan_request(predictor: Predictor, entry: Entry, frame_name: str | None) -> ScanRequest:
    """How a video is read from first to last."""
    return ScanRequest(
        entry=entry,
        pixels=predictor.shape.pixels,
        limits=predictor.reading.limits,
        frame_name=frame_name,
        frame_rate=predictor.reading.frame_rate,
    )


def check_windows(predictor: Predictor, config: TimelineConfig) -> None:
    """Refuse a time line without a length of its windows.

    Raises:
        ConfigError: The model's clips have none, and none was chosen.
    """
    if config.window_seconds is None and predictor.shape.grid.kind == "segments":
        raise ConfigError(
            "this model was trained on whole videos, one frame of each equal part, so its clips "
            "have no length of their own; choose --window SECONDS"
        )


def plan_windows(
    predictor: Predictor, config: TimelineConfig, opened: Opened, path: str
) -> Windows:
    """Choose the frames of every window.

    Raises:
        VideoError: The video has no clock, frames that are longer than the windows' distance, or
            another number of channels than the model reads.
    """
    shape = predictor.shape
    check_channels(path, opened.shape[2], shape.channels)
    if opened.seconds is None:
        raise VideoError(path, _NO_CLOCK)
    every, window = config.every_seconds, config.window_seconds
    try:
        if window is None and shape.stride_unit == "frames":
            stride = int(shape.stride)
            return strided_windows(opened.seconds, shape.frames, stride, every_seconds=every)
        return timed_windows(
            opened.seconds,
            shape.frames,
            window or shape.frames * shape.step_seconds,
            every_seconds=every,
            middles=shape.grid.kind == "segments",
        )
    except ValueError as error:
        raise VideoError(path, str(error)) from error


def _scored(
    predictor: Predictor, pool: Pool, request: ScanRequest, opened: Opened, windows: Windows
) -> Iterator[Float64[np.ndarray, "windows outputs"]]:
    """Scores of the windows in order, some at a time; what was read before a damage is scored."""
    ready: list[Tensor] = []
    stopped: VideoError | None = None
    clips = _clips(predictor, pool, request, opened, windows)
    while True:
        try:
            clip = next(clips, None)
        except VideoError as error:
            clip, stopped = None, error
        if clip is not None:
            ready += clip
        while len(ready) >= _BATCH or (clip is None and ready):
            yield predictor.answers(torch.stack(ready[:_BATCH]))
            del ready[:_BATCH]
        if stopped is not None:
            raise stopped
        if clip is None:
            return


def _clips(
    predictor: Predictor, pool: Pool, request: ScanRequest, opened: Opened, windows: Windows
) -> Iterator[list[Tensor]]:
    """The clips that get complete with each part of the video, in order."""
    waiting = deque(windows.frames.tolist())
    kept: dict[int, Tensor] = {}
    for indices, frames in scan(pool, request, np.unique(windows.frames).tolist(), opened.shape):
        kept.update(zip(indices, predictor.scorer.middles(frames), strict=True))
        complete = []
        while waiting and waiting[0][-1] <= indices[-1]:
            complete.append(torch.stack([kept[index] for index in waiting.popleft()]))
        first = waiting[0][0] if waiting else 0
        for gone in [index for index in kept if index < first]:
            del kept[gone]
        yield complete


def _timeline(
    outputs: Outputs,
    video: Input,
    config: TimelineConfig,
    windows: Windows,
    scores: Float64[np.ndarray, "windows outputs"],
    stopped: VideoError | None,
) -> Timeline:
    done = len(scores)
    windows = Windows(windows.frames[:done], windows.starts[:done], windows.stops[:done])
    found = cells(windows.starts, windows.stops, scores)
    joined: list[Segment] = []
    if outputs.head is not None:
        threshold = outputs.threshold(config.threshold)
        holds = holding(found.scores, outputs.head, threshold=threshold, margin=config.margin)
        joined = segments(found, holds)
    return Timeline(
        video=video.entry.path,
        outputs=outputs,
        length_seconds=float(windows.stops[-1]),
        windows=windows,
        scores=scores,
        cells=found,
        segments=joined,
        stopped=stopped,
    )
