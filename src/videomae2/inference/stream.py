"""Live prediction: what a model says of each window of a stream, as soon as it is complete.

Axis: outputs = classes or numbers.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from videomae2.base.names import path_of_uri
from videomae2.base.ranges import find_range_errors
from videomae2.data.live.frame_queue import StreamFrame
from videomae2.data.live.memory import FRAMES_NAME, as_array, check_frame, check_frames
from videomae2.data.live.reader import LiveReader
from videomae2.data.live.sources import LiveConfig, StreamSource, find_stream
from videomae2.data.video.reader import read_file_mode
from videomae2.data.video.trim import fit_channels
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.prediction import WindowPrediction
from videomae2.inference.predictor import Predictor
from videomae2.inference.timeline import TimelineConfig, check_window_length
from videomae2.inference.window_cutter import Clip, WindowCutter

_BATCH_SIZE = 8  # windows that the model looks at together, where more of them wait
_SLOW_SECONDS = 0.5  # of a window: then each is given by itself


def make_reader(
    predictor: Predictor,
    source: StreamSource,
    config: LiveConfig,
    *,
    frame_rate: float | None,
    descriptor: int | None = None,
    head: bytes = b"",
    should_stop: Callable[[], bool] = lambda: False,
) -> LiveReader:
    """A reader that gives what the model sees of each frame; arguments as ``LiveReader``."""
    views = predictor.scorer.views
    return LiveReader(
        source,
        pixels=views.pixels,
        limits=views.limits,
        config=config,
        prepare=lambda frame: predictor.scorer.crop_center(frame)[0],
        frame_rate=frame_rate,
        descriptor=descriptor,
        head=head,
        should_stop=should_stop,
    )


def stream_windows(
    predictor: Predictor,
    source: Path | str | int | np.ndarray | Iterable[Any],
    *,
    frame_rate: float | None,
    config: TimelineConfig,
    live: LiveConfig,
) -> Iterator[WindowPrediction]:
    """``Predictor.stream``, with the frame rate that holds."""
    if problems := [problem for _, problem in find_range_errors(live)]:
        raise ConfigError(problems)
    check_window_length(predictor, config)
    if not isinstance(source, Path | str | int):
        if frame_rate is None:
            raise ValueError("frames in memory have no clock; give their frame_rate")
        array = as_array(source)
        each = source if array is None else check_frames(array)
        frames = iterate_given(predictor, each, frame_rate, at_once=array is None)
        limit = live.max_seconds
        return predict_windows(predictor, FRAMES_NAME, frames, config, max_seconds=limit)
    name = str(source)
    found = find_stream(name)
    if found is None:
        name = path_of_uri(name)
        read_file_mode(name)
        found = StreamSource("file", name, name)
    return _read_windows(predictor, found, config, live, frame_rate)


def _read_windows(
    predictor: Predictor,
    source: StreamSource,
    config: TimelineConfig,
    live: LiveConfig,
    frame_rate: float | None,
) -> Iterator[WindowPrediction]:
    with make_reader(predictor, source, live, frame_rate=frame_rate) as reader:
        limit = live.max_seconds
        yield from predict_windows(predictor, source.name, reader, config, max_seconds=limit)


def iterate_given(
    predictor: Predictor, frames: Iterable[Any], frame_rate: float, *, at_once: bool
) -> Iterator[StreamFrame | None]:
    """The frames of the caller as those of a stream; the next one is taken when it is needed.

    ``at_once``: it may be long until the next one, so what is complete is to be scored before.

    Raises:
        ValueError: A frame is of another type or shape.
        VideoError: It has another number of channels than the model reads.
    """
    spec = predictor.scorer.views
    for index, frame in enumerate(frames):
        given = check_frame(frame, index, spec, predictor.bits)
        row = fit_channels(FRAMES_NAME, given, spec.channels)
        yield StreamFrame(index, index / frame_rate, predictor.scorer.crop_center(row)[0])
        if at_once:
            yield None


def predict_windows(
    predictor: Predictor,
    name: str,
    frames: Iterable[StreamFrame | None],
    config: TimelineConfig,
    *,
    max_seconds: float | None = None,
) -> Iterator[WindowPrediction]:
    """Score the windows of a stream, which are those of its time line as a video.

    Where frames are missing the windows begin anew: none shows what lies on both sides.

    Args:
        predictor: The model.
        name: What the stream is called in messages.
        frames: As they come, with what ``crop_center`` shows of each; None where the next one must
            be waited for.
        config: The windows.
        max_seconds: When to stop, by the clock of the stream.

    Raises:
        VideoError: Windows start more often than frames come, or are too long for the memory.
        ConfigError: The model's clips have no length, and none was chosen.
        CheckpointError: A score is not a finite number.
    """
    check_window_length(predictor, config)
    cutter = WindowCutter(predictor, name, config)
    score = _BatchScorer(predictor)
    error = None
    limited = frames if max_seconds is None else _limit(frames, max_seconds)
    try:
        for frame in limited:
            if frame is not None:
                score.add(cutter.add(frame))
            if frame is None or score.is_due:
                yield from score.flush()
    except VideoError as raised:
        error = raised
    score.add(cutter.finish())
    yield from score.flush()
    if error is not None:
        raise error


def _limit(frames: Iterable[StreamFrame | None], seconds: float) -> Iterator[StreamFrame | None]:
    for frame in frames:
        if frame is not None and frame.seconds >= seconds:
            return
        yield frame


class _BatchScorer:
    """Scores windows, several together where they wait and the model is fast."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._clips: list[Clip] = []
        self._size = 1

    @property
    def is_due(self) -> bool:
        return len(self._clips) >= self._size

    def add(self, clips: list[Clip]) -> None:
        self._clips += clips

    def flush(self) -> Iterator[WindowPrediction]:
        while batch := self._clips[: self._size]:
            self._clips = self._clips[self._size :]
            started = time.perf_counter()
            all_scores = self._predictor.score_clips(torch.stack([clip for _, _, clip in batch]))
            is_slow = time.perf_counter() - started > _SLOW_SECONDS * len(batch)
            self._size = 1 if is_slow else _BATCH_SIZE
            for (start, stop, _), scores in zip(batch, all_scores, strict=True):
                yield WindowPrediction(
                    start_seconds=start,
                    stop_seconds=stop,
                    scores=scores,
                    outputs=self._predictor.outputs,
                )
