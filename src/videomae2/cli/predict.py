"""``videomae2 predict``: a classifier and videos → scores, or time lines of long videos."""

import sys

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
from videomae2.commands.predict import compute_timelines, iterate_batches, predict_batches
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.inputs import expand_inputs
from videomae2.inference.timeline import check_window_length

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
    descriptor = sys.stdin.fileno() if STDIN in options.videos else None
    batches = iterate_batches(inputs, descriptor)
    if options.timeline:
        for result in compute_timelines(
            predictor, batches, config, out=options.out, with_video=options.save_video
        ):
            if isinstance(result, VideoError):
                printer.print_unreadable(result)
            else:
                printer.print_timeline(*result)
    else:
        total = len(inputs) if descriptor is None else None
        for prediction in predict_batches(predictor, batches, total=total):
            printer.print_prediction(prediction)
    if not printer.num_done:
        raise ConfigError(
            "no path came on standard input; it wants one per line, as of: find . -name '*.mp4'"
        )
    return printer.finish()
