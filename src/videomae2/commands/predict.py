"""Say what videos show, with a classifier: as they are named or arrive, or as time lines.

Axes: windows; outputs.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from videomae2.base.progress import track
from videomae2.commands.timeline import TimelineFolder
from videomae2.data.live.sources import LiveConfig, StreamSource
from videomae2.data.manifests.manifest import Entry
from videomae2.data.views.sliding import SlidingWindows
from videomae2.errors import VideoError
from videomae2.inference.inputs import VideoInput, expand_each, stream_lines
from videomae2.inference.prediction import Prediction, WindowPrediction
from videomae2.inference.predictor import Predictor
from videomae2.inference.timeline import (
    Timeline,
    TimelineConfig,
    compute_timeline,
    summarize_windows,
)

_logger = logging.getLogger(__name__)

_MAX_SCORES_BYTES = 512 * 2**20

Batch = list[VideoInput | VideoError]
"""Videos that are known at once, and those of them that are known to be unreadable."""


def predict(
    model: Path | str,
    videos: Iterable[Path | str],
    *,
    class_names: Path | str | None = None,
    classes: Path | str | None = None,
    device: str = "auto",
) -> Iterator[Prediction | VideoError]:
    """Score videos with a classifier, in their order, while the next ones are read.

    Args, raises: As ``Predictor``; of ``videos``, folders stand for the videos in them.

    Yields:
        For each video what the model says, or why it cannot be read.
    """
    return Predictor(model, class_names=class_names, classes=classes, device=device).predict_all(
        videos
    )


def iterate_batches(
    inputs: Batch,
    descriptor: int | None,
    head: bytes = b"",
    *,
    bits: int | None = None,
) -> Iterator[Batch]:
    """Yield the videos that are named, then those whose paths come on an open file.

    ``head``: what was read of it already; ``bits`` as of ``expand_inputs``.

    Raises:
        ConfigError: No paths come there, but a video.
    """
    if inputs:
        yield list(inputs)
    if descriptor is not None:
        for lines in stream_lines(descriptor, head):
            yield expand_each(lines, bits)


def predict_batches(
    predictor: Predictor, batches: Iterable[Batch], *, total: int | None
) -> Iterator[Prediction | VideoError]:
    """Score videos as they come, with the same reading processes for all; ``total`` if known."""
    with predictor.scorer.make_pool() as pool, track("predict", total=total) as progress:
        for batch in batches:
            for prediction in predictor.predict_in_pool(pool, batch):
                yield prediction
                progress.advance()


def compute_timelines(
    predictor: Predictor,
    batches: Iterable[Batch],
    config: TimelineConfig,
    *,
    out: Path | None,
    with_video: bool,
) -> Iterator[tuple[Timeline, dict[str, Path]] | VideoError]:
    """Yield the time line of each video with its files by kind, or why it cannot be read.

    Without ``out`` no files are written; ``with_video`` adds a video with names and bars.
    """
    folder = None if out is None else TimelineFolder(out)
    for batch in batches:
        for video in batch:
            if isinstance(video, VideoError):
                yield video
                continue
            try:
                timeline = compute_timeline(predictor, video, config)
                files: dict[str, Path] = {}
                if folder is not None:
                    files = folder.write(predictor, video, timeline, with_video=with_video)
            except VideoError as error:
                yield error
                continue
            yield timeline, files


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamResult:
    """A stream when it is over."""

    name: str
    num_windows: int
    length_seconds: float
    """To the end of the last window."""
    num_frames: int
    num_dropped: int
    """Frames that came faster than the model looked at them."""
    num_damaged: int
    files: dict[str, Path]
    """Of the time line, by kind."""
    error: VideoError | None
    """Why it could not be read, or not any further."""


def predict_stream(
    predictor: Predictor,
    source: StreamSource,
    config: TimelineConfig,
    live: LiveConfig,
    *,
    out: Path | None = None,
    descriptor: int | None = None,
    head: bytes = b"",
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[WindowPrediction | StreamResult]:
    """Yield what a model says of each window of a stream, and in the end how it went.

    Args:
        predictor: The model; its frame rate is for streams without times of their own.
        source: The stream.
        config: The windows, and when a class holds.
        live: How long to wait, and how much of it to take.
        out: Folder for the files of the time line of what was seen.
        descriptor: Of standard input: where to read.
        head: What was read of it already.
        should_stop: Whether to end with what was seen; asked ten times a second.
    """
    from videomae2.inference.stream import make_reader, predict_windows

    recorder = None if out is None else _TimelineRecorder(predictor, source, config, out)
    rate = predictor.scorer.views.frame_rate
    num_windows, length_seconds, read_error = 0, 0.0, None
    with make_reader(
        predictor,
        source,
        live,
        frame_rate=rate,
        descriptor=descriptor,
        head=head,
        should_stop=should_stop,
    ) as reader:
        try:
            for window in predict_windows(
                predictor, source.name, reader, config, max_seconds=live.max_seconds
            ):
                num_windows, length_seconds = num_windows + 1, window.stop_seconds
                if recorder is not None:
                    recorder.add(window)
                yield window
        except VideoError as error:
            read_error = error
    files = {} if recorder is None else recorder.write(read_error)
    yield StreamResult(
        name=source.name,
        num_windows=num_windows,
        length_seconds=length_seconds,
        num_frames=reader.num_frames,
        num_dropped=reader.num_dropped,
        num_damaged=reader.num_damaged,
        files=files,
        error=read_error,
    )


@dataclass(slots=True)
class _TimelineRecorder:
    """Keeps what a time line is made of, and writes it; a very long one in several parts."""

    predictor: Predictor
    source: StreamSource
    config: TimelineConfig
    out: Path
    _windows: list[WindowPrediction] = field(default_factory=list)
    _folder: TimelineFolder | None = None

    def add(self, window: WindowPrediction) -> None:
        self._windows.append(window)
        if len(self._windows) * window.scores.nbytes > _MAX_SCORES_BYTES:
            files = self.write(None)
            _logger.info(f"{self.source.name}: its time line so far is in {files['json']}")

    def write(self, read_error: VideoError | None) -> dict[str, Path]:
        """Write the files of the windows since the last time, and give them by kind."""
        if not self._windows:
            return {}
        windows, self._windows = self._windows, []
        timeline = summarize_windows(
            self.source.name,
            self.predictor.outputs,
            SlidingWindows(
                np.empty((len(windows), 0), np.int64),
                np.array([window.start_seconds for window in windows]),
                np.array([window.stop_seconds for window in windows]),
            ),
            np.stack([window.scores for window in windows]),
            self.config,
            read_error=read_error,
        )
        self._folder = self._folder or TimelineFolder(self.out)
        name = self.source.file_name
        video = VideoInput(Entry(name, location=name), relative_path=f"{name}.stream")
        return self._folder.write(self.predictor, video, timeline, with_video=False)
