"""``videomae2 predict``: a classifier and videos → scores, or time lines; or a stream, live."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from videomae2.base.files import path_exists, path_hint
from videomae2.base.names import path_of_uri
from videomae2.cli.options import parse_options
from videomae2.cli.predict.options import PROG, PredictOptions, check_options
from videomae2.cli.predict.output import PredictionPrinter
from videomae2.cli.predict.plan import print_dry_run, print_stream_plan
from videomae2.cli.predict.stream import find_stream_input, run_stream
from videomae2.commands.predict import Batch, compute_timelines, iterate_batches, predict_batches
from videomae2.data.live.sources import STDIN, StreamSource
from videomae2.data.manifests.roots import check_outside
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.inputs import expand_each
from videomae2.inference.predictor import Predictor
from videomae2.inference.timeline import check_window_length
from videomae2.inference.views import EvalViews

_MAX_SHOWN = 3

_DESCRIPTION = """Say what videos show, with a classifier that was fine-tuned.

Prints the most probable classes of each video, from clips spread over it. With --timeline a
window slides over each video, which may be hours long, and what holds when is printed; --out
writes it as JSON, CSV, subtitles (SRT) and a picture, --save-video as a film too.

Streams are predicted while they come: a line for each window, or with --json an object, until
the stream ends, or --max-seconds, or Ctrl-C.

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
            f"{PROG} runs/model rtsp://USER:PASSWORD@HOST/stream1 --hop-seconds 1 --json",
            f"{PROG} runs/model my_videos/ --dry-run",
            f"{PROG} vit_s_k710_dl_from_giant.pth video.mp4 --class-names kinetics-710 --classes "
            f"kinetics-400",
        ),
    )
    source, head = find_stream_input(options.videos, dry_run=options.dry_run)
    is_unknown = options.dry_run and STDIN in options.videos
    check_options(options, has_stream=None if is_unknown else source is not None)
    if source is not None:
        return _main_stream(options, source, head)
    videos = [video for video in options.videos if video != STDIN]
    if not options.dry_run and STDIN not in options.videos:
        _check_any_exists(videos)
    if options.out is not None:
        for video in options.videos:
            check_outside(options.out, video)
    predictor = _load_predictor(options)
    if options.timeline:
        check_window_length(predictor, options.windows)
    inputs = expand_each(videos, predictor.bits)
    if options.dry_run:
        return print_dry_run(options, predictor, inputs)
    return _predict(options, predictor, inputs, head)


def _main_stream(options: PredictOptions, source: StreamSource, head: bytes) -> int:
    predictor = _load_predictor(options)
    check_window_length(predictor, options.windows)
    if options.dry_run:
        return print_stream_plan(options, predictor, source)
    PredictionPrinter(
        predictor, top_k=options.top_k, threshold=options.windows.threshold, json=options.json
    ).print_header(as_timelines=True)
    return run_stream(options, predictor, source, head)


def _predict(options: PredictOptions, predictor: Predictor, inputs: Batch, head: bytes) -> int:
    """Print what comes of each video, and give the exit code."""
    printer = PredictionPrinter(
        predictor, top_k=options.top_k, threshold=options.windows.threshold, json=options.json
    )
    printer.print_header(as_timelines=options.timeline)
    descriptor = sys.stdin.fileno() if STDIN in options.videos else None
    batches = iterate_batches(inputs, descriptor, head, bits=predictor.bits)
    if options.timeline:
        for result in compute_timelines(
            predictor, batches, options.windows, out=options.out, with_video=options.save_video
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
    return printer.get_exit_code()


def _check_any_exists(videos: Sequence[str]) -> None:
    """Refuse videos none of which is there, before the model is loaded."""
    problems = []
    for path in map(path_of_uri, videos):
        if path_exists(Path(path)):
            return
        problems.append(f"{path} does not exist{path_hint(Path(path))}")
    raise ConfigError(problems[:_MAX_SHOWN])


def _load_predictor(options: PredictOptions) -> Predictor:
    views = EvalViews(clips=options.clips, crops=options.crops)
    if options.frame_interval is not None:
        interval = float(options.frame_interval)
        views = replace(views, frame_interval=interval, interval_unit="frames")
    return Predictor(
        options.model,
        class_names=options.class_names,
        classes=options.classes,
        frames=options.frames,
        side=options.side,
        device=options.device,
        precision=options.precision,
        views=views,
        reading=options.reading,
        frame_rate=options.frame_rate,
        bits=options.bits,
    )
