"""Say what videos show, with a classifier: as they are named or arrive, or as time lines."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from videomae2.base.progress import track
from videomae2.commands.timeline import TimelineFolder
from videomae2.errors import VideoError
from videomae2.inference.inputs import VideoInput, expand_lines, stream_lines
from videomae2.inference.predictor import Prediction, Predictor
from videomae2.inference.timeline import Timeline, TimelineConfig, compute_timeline

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


def iterate_batches(inputs: Sequence[VideoInput], descriptor: int | None) -> Iterator[Batch]:
    """Yield the videos that are named, then those whose paths come on an open file."""
    if inputs:
        yield list(inputs)
    if descriptor is not None:
        for lines in stream_lines(descriptor):
            yield expand_lines(lines)


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
