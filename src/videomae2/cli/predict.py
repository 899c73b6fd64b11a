"""``videomae2 predict``: a classifier and videos → scores, or time lines of long videos."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from videomae2.cli.options import parse
from videomae2.cli.predict_words import Printer
from videomae2.cli.progress import ProgressLine
from videomae2.data.view_reading import READ_VIEWS
from videomae2.errors import ConfigError, VideoError
from videomae2.jobs.predict import Predictor
from videomae2.jobs.prediction_settings import ReadingConfig
from videomae2.jobs.timeline import TimelineConfig, check_windows, make_timeline
from videomae2.jobs.timeline_report import ReportFolder
from videomae2.jobs.video_inputs import Input, arriving_lines, find_inputs, inputs_of_lines
from videomae2.jobs.view_settings import ViewsWish

PROG = "videomae2 predict"
_STDIN = "-"
_UNREADABLE = 2

_DESCRIPTION = """Say what videos show, with a classifier that was fine-tuned.

Prints the most probable classes of each video, from clips spread over it. With --timeline a
window slides over each video, which may be hours long, and what holds when is printed; --out
writes it as JSON, CSV, subtitles (SRT) and a picture, --film as a film too.

A video that cannot be read is reported, the others are done, and the exit code is 2."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """All arguments."""

    model: Annotated[Positional[Path], arg(metavar="MODEL")]
    """A run folder (its best model by validation, else its newest checkpoint), or a saved model."""
    videos: Annotated[Positional[tuple[str, ...]], arg(metavar="VIDEO...")] = ()
    """Video files, folders of videos or of frame images, .npy arrays; - reads paths from standard
    input, one per line."""
    top: int = 5
    """Classes that are printed of each video."""
    threshold: float | None = None
    """The probability from which a class holds; 0.5 where any number of them may, else the best
    one always does."""
    clips: int | None = None
    """Clips of each video whose scores are averaged; 5, or 2 of a model that reads segments."""
    crops: int | None = None
    """Crops of each clip, along the longer side; 3 if not given."""
    stride: int | None = None
    """Frames from one frame of a clip to the next; as in training if not given."""
    timeline: bool = False
    """Say what holds when."""
    window: float | None = None
    """Seconds that a window of the time line shows; as long as a clip of training if not given."""
    every: float | None = None
    """Seconds from the start of one window to the next; half a window if not given."""
    margin: float | None = None
    """What holds ends this far below the threshold, and gives way to what is ahead by this; 0.1 if
    not given."""
    out: Path | None = None
    """Folder for the files of time lines."""
    film: bool = False
    """Write a film with names and bars, too; reads the video once more."""
    frame_rate: float | None = None
    """Frames per second of folders of images and of arrays, which have no clock."""
    shrink_side: int | None = None
    """Shrink larger frames to this short side while reading: less memory, slightly other pixels."""
    workers: int = 1
    """Processes that read videos; a time line takes one."""
    deadline: float = 120.0
    """Seconds that reading a video, or the next part of a long one, may take."""
    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """How the model computes; auto takes bf16 where the machine computes it fast."""
    json: bool = False
    """Print one JSON object per video and line, and nothing else."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 predict`` with these arguments."""
    options = parse(
        Options,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} runs/model video.mp4",
            f"{PROG} runs/model my_videos/ --json > scores.jsonl",
            f"find . -name '*.mp4' | {PROG} runs/model - --clips 1 --crops 1",
            f"{PROG} runs/model long.mp4 --timeline --every 1 --out timelines/ --film",
        ),
    )
    _check(options)
    config = TimelineConfig(
        window_seconds=options.window,
        every_seconds=options.every,
        threshold=options.threshold,
        margin=0.1 if options.margin is None else options.margin,
    )
    named = find_inputs([video for video in options.videos if video != _STDIN])
    predictor = _predictor(options)
    printer = Printer(predictor, top=options.top, threshold=options.threshold, json=options.json)
    if options.timeline:
        check_windows(predictor, config)
        printer.begin(of="timelines")
        _timelines(options, predictor, config, named, printer)
    else:
        printer.begin(of="videos")
        _scores(options, predictor, named, printer)
    if not printer.done:
        raise ConfigError(
            "no path came on standard input; it wants one per line, as of: find . -name '*.mp4'"
        )
    return printer.end()


def _check(options: Options) -> None:
    """Refuse arguments that are missing or have no effect beside the others.

    Raises:
        ConfigError: Naming them all.
    """
    problems = [] if options.videos else ["VIDEO... missing; give videos, folders, or - ; see"
                                          f" {PROG} --help"]  # fmt: skip
    if options.videos.count(_STDIN) > 1:
        problems.append("- stands for standard input, which can be read only once")
    if options.top < 1:
        problems.append(f"--top is {options.top}, wanted 1 or more")
    of_timelines = ("window", "every", "margin", "out", "film")
    of_videos = ("clips", "crops")
    for name in of_videos if options.timeline else of_timelines:
        if getattr(options, name) not in (None, False):
            with_or_without = "has no effect with" if options.timeline else "goes only with"
            problems.append(f"--{name} {with_or_without} --timeline")
    if options.timeline and options.film and options.out is None:
        problems.append("--film wants a folder to write to; give --out")
    if problems:
        raise ConfigError(problems)


def _predictor(options: Options) -> Predictor:
    return Predictor(
        options.model,
        device=options.device,
        precision=options.precision,
        views=_views(options),
        reading=ReadingConfig(
            workers=options.workers,
            deadline_seconds=options.deadline,
            shrink_side=options.shrink_side,
            frame_rate=options.frame_rate,
        ),
    )


def _views(options: Options) -> ViewsWish:
    views = ViewsWish(clips=options.clips, crops=options.crops)
    if options.stride is None:
        return views
    return replace(views, stride=float(options.stride), stride_unit="frames")


def _scores(options: Options, predictor: Predictor, named: list[Input], printer: Printer) -> None:
    total = None if _STDIN in options.videos else len(named)
    progress = ProgressLine()
    is_seen = options.json or not sys.stdout.isatty()  # else the results show the progress
    with predictor.reading.pool(READ_VIEWS, workers=options.workers) as pool:
        for some in _arriving(options, named):
            for answer in predictor.predict_with(pool, some):
                progress.clear()
                printer.prediction(answer)
                if is_seen:
                    progress.of_videos(printer.done, total)
    progress.clear()


def _timelines(
    options: Options,
    predictor: Predictor,
    config: TimelineConfig,
    named: list[Input],
    printer: Printer,
) -> None:
    folder = None if options.out is None else ReportFolder(options.out)
    progress = ProgressLine()
    for some in _arriving(options, named):
        for video in some:
            if isinstance(video, VideoError):
                printer.unreadable(video)
                continue
            try:
                name = os.path.basename(video.entry.path)
                said = progress.of_video(name)
                found = make_timeline(predictor, video, config, progress=said)
                files = {}
                if folder is not None:
                    said = progress.of_video(f"film of {name}")
                    files = folder.write(predictor, video, found, film=options.film, progress=said)
            except VideoError as error:
                progress.clear()
                printer.unreadable(error)
                continue
            progress.clear()
            printer.timeline(found, files)


def _arriving(options: Options, named: list[Input]) -> Iterator[list[Input | VideoError]]:
    """The named videos, then those of standard input as they come."""
    if named:
        yield list(named)
    if _STDIN in options.videos:
        for lines in arriving_lines(sys.stdin.fileno()):
            yield inputs_of_lines(lines)
