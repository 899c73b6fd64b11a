"""``videomae2 predict``: a classifier and videos → scores, or time lines of long videos."""

import os
import sys
from collections.abc import Iterator

from videomae2.cli.options import parse
from videomae2.cli.predict_options import (
    PROG,
    STDIN,
    Options,
    check,
    predictor_of,
    timeline_of,
)
from videomae2.cli.predict_plan import show_plan
from videomae2.cli.predict_words import Printer
from videomae2.cli.progress import ProgressLine
from videomae2.data.view_reading import READ_VIEWS
from videomae2.errors import ConfigError, VideoError
from videomae2.jobs.predict import Predictor
from videomae2.jobs.timeline import TimelineConfig, check_windows, make_timeline
from videomae2.jobs.timeline_report import ReportFolder
from videomae2.jobs.video_inputs import Input, arriving_lines, find_inputs, inputs_of_lines

_UNREADABLE = 2

_DESCRIPTION = """Say what videos show, with a classifier that was fine-tuned.

Prints the most probable classes of each video, from clips spread over it. With --timeline a
window slides over each video, which may be hours long, and what holds when is printed; --out
writes it as JSON, CSV, subtitles (SRT) and a picture, --film as a film too.

A video that cannot be read is reported, the others are done, and the exit code is 2."""


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
            f"{PROG} runs/model my_videos/ --dry-run",
            f"{PROG} vit_s_k710_dl_from_giant.pth video.mp4 --names kinetics-710 --select "
            f"kinetics-400",
        ),
    )
    check(options)
    config = timeline_of(options)
    named = find_inputs([video for video in options.videos if video != STDIN])
    predictor = predictor_of(options)
    if options.timeline:
        check_windows(predictor, config)
    if options.dry_run:
        return show_plan(options, predictor, config, named)
    printer = Printer(predictor, top=options.top, threshold=options.threshold, json=options.json)
    if options.timeline:
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


def _scores(options: Options, predictor: Predictor, named: list[Input], printer: Printer) -> None:
    total = None if STDIN in options.videos else len(named)
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
    if STDIN in options.videos:
        for lines in arriving_lines(sys.stdin.fileno()):
            yield inputs_of_lines(lines)
