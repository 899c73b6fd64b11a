"""``videomae2 predict``: a classifier and videos → scores, or time lines of long videos."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import OmitArgPrefixes, Positional, arg

from videomae2.base.files import check_writable, path_hint
from videomae2.base.summary import Summary
from videomae2.cli.options import parse_options
from videomae2.cli.predict_output import PredictionPrinter, summarize_model
from videomae2.cli.terminal import print_plan
from videomae2.commands.predict import compute_timelines, iterate_batches, predict_batches
from videomae2.data.loading.reading import ReadingConfig
from videomae2.errors import CheckpointError, ConfigError, VideoError
from videomae2.inference.inputs import VideoInput, expand_inputs
from videomae2.inference.predictor import DEFAULT_READING, Predictor
from videomae2.inference.timeline import TimelineConfig, check_window_length
from videomae2.inference.views import EvalViews

PROG = "videomae2 predict"
STDIN = "-"
"""Stands for paths that come on standard input."""
_MAX_SHOWN = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictOptions:
    """All arguments."""

    model: Annotated[Positional[Path], arg(metavar="MODEL")]
    """A run folder (its best model by validation, else its newest checkpoint), a saved model, or a
    released file (.pth, .bin, .pt, .safetensors)."""
    videos: Annotated[Positional[tuple[str, ...]], arg(metavar="VIDEO...")] = ()
    """Video files, folders of videos or of frame images, .npy arrays; - reads paths from standard
    input, one per line."""
    class_names: Path | None = None
    """What the model's outputs are called where it does not say, as released files: a file of names
    or a public data set such as kinetics-710."""
    classes: Path | None = None
    """The outputs that are used alone, likewise: kinetics-400 of a model of kinetics-710. The
    others get no probability."""
    frames: int | None = None
    """Frames of the clips that a released file was trained on; 16 if not given."""
    side: int | None = None
    """Height and width of these clips in pixels; 224 if not given."""
    top_k: int = 5
    """Classes that are printed of each video."""
    clips: int | None = None
    """Clips of each video whose scores are averaged; 5, or 2 of a model that reads segments."""
    crops: int | None = None
    """Crops of each clip, along the longer side; 3 if not given."""
    frame_interval: int | None = None
    """Frames from one frame of a clip to the next; as in training if not given."""
    timeline: bool = False
    """Say what holds when."""
    windows: OmitArgPrefixes[TimelineConfig] = field(default_factory=TimelineConfig)
    """When a class holds, and what a time line is made of."""
    out: Path | None = None
    """Folder for the files of time lines."""
    save_video: bool = False
    """Write a video with names and bars, too; reads the video once more."""
    frame_rate: float | None = None
    """Frames per second of folders of images and of arrays, which have no clock."""
    reading: OmitArgPrefixes[ReadingConfig] = field(default_factory=lambda: DEFAULT_READING)
    """How videos are read; the parts of a long one, in one process."""
    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """How the model computes; auto takes bf16 where the machine computes it fast."""
    dry_run: bool = False
    """Check everything and show what would be done, without reading a video."""
    json: bool = False
    """Print one JSON object per video and line, and nothing else."""


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
    _check_options(options)
    inputs = expand_inputs([video for video in options.videos if video != STDIN])
    if not options.dry_run and STDIN not in options.videos:
        _check_any_exists(inputs)
    predictor = _load_predictor(options)
    if options.timeline:
        check_window_length(predictor, options.windows)
    if options.dry_run:
        return _print_dry_run(options, predictor, inputs)
    return _predict(options, predictor, inputs)


def _predict(options: PredictOptions, predictor: Predictor, inputs: Sequence[VideoInput]) -> int:
    """Print what comes of each video, and give the exit code."""
    printer = PredictionPrinter(
        predictor, top_k=options.top_k, threshold=options.windows.threshold, json=options.json
    )
    printer.print_header(as_timelines=options.timeline)
    descriptor = sys.stdin.fileno() if STDIN in options.videos else None
    batches = iterate_batches(inputs, descriptor)
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


def _check_options(options: PredictOptions) -> None:
    """Refuse arguments that are missing or have no effect beside the others."""
    problems = []
    if not options.videos:
        problems.append(f"VIDEO... missing; give videos, folders, or - ; see {PROG} --help")
    if options.videos.count(STDIN) > 1:
        problems.append("- stands for standard input, which can be read only once")
    if options.top_k < 1:
        problems.append(f"--top-k is {options.top_k}, wanted 1 or more")
    windows = options.windows
    if options.timeline:
        unused = {"clips": options.clips is not None, "crops": options.crops is not None}
    else:
        unused = {
            "window-seconds": windows.window_seconds is not None,
            "hop-seconds": windows.hop_seconds is not None,
            "hysteresis": windows.hysteresis is not None,
            "out": options.out is not None,
            "save-video": options.save_video,
        }
    reason = "has no effect with" if options.timeline else "goes only with"
    problems += [f"--{flag} {reason} --timeline" for flag, is_given in unused.items() if is_given]
    if options.timeline and options.save_video and options.out is None:
        problems.append("--save-video wants a folder to write to; give --out")
    if problems:
        raise ConfigError(problems)


def _check_any_exists(inputs: Sequence[VideoInput]) -> None:
    """Refuse videos none of which is there, before the model is loaded."""
    problems = []
    for path in (video.entry.path for video in inputs):
        if os.path.exists(path):
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
    )


def _print_dry_run(
    options: PredictOptions, predictor: Predictor, inputs: Sequence[VideoInput]
) -> int:
    """Print the plan, and give the exit code: 2 if a video that is named is not there."""
    if options.out is not None:
        try:
            check_writable(options.out, 0, dry_run=True)
        except CheckpointError as error:
            raise ConfigError(f"{error}; choose another --out") from error
    missing = [video.entry.path for video in inputs if not os.path.exists(video.entry.path)]
    details = _summarize_timelines(options) if options.timeline else _summarize(options)
    rows = (
        ("videos", _describe_inputs(len(inputs), missing, from_input=STDIN in options.videos)),
        *details,
        ("device", str(predictor.classifier.runtime)),
    )
    plan = summarize_model(predictor, as_timelines=options.timeline) + Summary(rows)
    print_plan(plan, as_json=options.json)
    return 2 if missing else 0


def _describe_inputs(num_inputs: int, missing: Sequence[str], *, from_input: bool) -> str:
    text = f"{num_inputs} named"
    if from_input:
        text += ", and those of standard input, which is not read now"
    if missing:
        more = ", …" if len(missing) > _MAX_SHOWN else ""
        text += f"; {len(missing)} of them not there: {', '.join(missing[:_MAX_SHOWN])}{more}"
    return text


def _summarize(options: PredictOptions) -> Iterator[tuple[str, str]]:
    what = "its scores as JSON" if options.json else f"its {options.top_k} best"
    yield "prints", f"{what} for each video, on standard output"


def _summarize_timelines(options: PredictOptions) -> Iterator[tuple[str, str]]:
    window, hop = options.windows.window_seconds, options.windows.hop_seconds
    length = "as long as a clip" if window is None else f"of {window:g} s"
    yield "window", f"{length}, a new one every {'half window' if hop is None else f'{hop:g} s'}"
    what = "its time line as JSON" if options.json else "what holds when"
    yield "prints", f"{what} for each video, on standard output"
    if options.out is not None:
        video = ", MP4" if options.save_video else ""
        yield "writes", f"JSON, CSV, SRT, PNG{video} for each video, to {options.out}"
