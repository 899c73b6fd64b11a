"""``videomae2 predict``: a classifier and videos → scores, or time lines of long videos."""

import sys
from collections.abc import Iterator

from videomae2.base.progress import track
from videomae2.cli.options import parse_options
from videomae2.cli.predict_options import (
    PROG,
    STDIN,
    PredictOptions,
    build_timeline_config,
    check_options,
    load_predictor,
)
from videomae2.cli.predict_output import PredictionPrinter, print_dry_run
from videomae2.commands.timeline import TimelineFolder
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.inputs import VideoInput, expand_inputs, expand_lines, stream_lines
from videomae2.inference.predictor import Predictor
from videomae2.inference.timeline import TimelineConfig, check_window_length, compute_timeline

_DESCRIPTION = """Say what videos show, with a classifier that was fine-tuned.

Prints the most probable classes of each video, from clips spread over it. With --timeline a
window slides over each video, which may be hours long, and what holds when is printed; --out
writes it as JSON, CSV, subtitles (SRT) and a picture, --save-video as a film too.

A video that cannot be read is reported, the others are done, and the exit code is 2."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 predict`` with these arguments."""
    options = parse_options(
        PredictOptions,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} runs/model video.mp4",
            f"{PROG} runs/model my_videos/ --json > scores.jsonl",
            f"find . -name '*.mp4' | {PROG} runs/model - --clips 1 --crops 1",
            f"{PROG} runs/model long.mp4 --timeline --hop-seconds 1 --out timelines/ --save-video",
            f"{PROG} runs/model my_videos/ --dry-run",
            f"{PROG} vit_s_k710_dl_from_giant.pth video.mp4 --class-names kinetics-710 --classes "
            f"kinetics-400",
        ),
    )
    check_options(options)
    config = build_timeline_config(options)
    inputs = expand_inputs([video for video in options.videos if video != STDIN])
    predictor = load_predictor(options)
    if options.timeline:
        check_window_length(predictor, config)
    if options.dry_run:
        return print_dry_run(options, predictor, config, inputs)
    printer = PredictionPrinter(
        predictor, top_k=options.top_k, threshold=options.threshold, json=options.json
    )
    printer.print_header(as_timelines=options.timeline)
    if options.timeline:
        _predict_timelines(options, predictor, config, inputs, printer)
    else:
        _predict_videos(options, predictor, inputs, printer)
    if not printer.num_done:
        raise ConfigError(
            "no path came on standard input; it wants one per line, as of: find . -name '*.mp4'"
        )
    return printer.finish()


def _predict_videos(
    options: PredictOptions,
    predictor: Predictor,
    inputs: list[VideoInput],
    printer: PredictionPrinter,
) -> None:
    total = None if STDIN in options.videos else len(inputs)
    with (
        predictor.make_pool() as pool,
        track("predict", total=total) as progress,
    ):
        for batch in _iterate_inputs(options, inputs):
            for prediction in predictor.predict_in_pool(pool, batch):
                printer.print_prediction(prediction)
                progress.advance()


def _predict_timelines(
    options: PredictOptions,
    predictor: Predictor,
    config: TimelineConfig,
    inputs: list[VideoInput],
    printer: PredictionPrinter,
) -> None:
    folder = None if options.out is None else TimelineFolder(options.out)
    for batch in _iterate_inputs(options, inputs):
        for video in batch:
            if isinstance(video, VideoError):
                printer.print_unreadable(video)
                continue
            try:
                timeline = compute_timeline(predictor, video, config)
                files = {}
                if folder is not None:
                    with_video = options.save_video
                    files = folder.write(predictor, video, timeline, with_video=with_video)
            except VideoError as error:
                printer.print_unreadable(error)
                continue
            printer.print_timeline(timeline, files)


def _iterate_inputs(
    options: PredictOptions, inputs: list[VideoInput]
) -> Iterator[list[VideoInput | VideoError]]:
    """The named videos, then those of standard input as they come."""
    if inputs:
        yield list(inputs)
    if STDIN in options.videos:
        for lines in stream_lines(sys.stdin.fileno()):
            yield expand_lines(lines)
