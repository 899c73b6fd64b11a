"""What ``videomae2 predict --dry-run`` shows: what would be done, and where it would go."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from videomae2.cli.predict_options import STDIN, PredictOptions
from videomae2.cli.predict_words import PredictionPrinter
from videomae2.errors import ConfigError
from videomae2.jobs.predict import Predictor
from videomae2.jobs.timeline import TimelineConfig
from videomae2.jobs.video_inputs import VideoInput

_MAX_SHOWN = 3


def print_dry_run(
    options: PredictOptions, predictor: Predictor, config: TimelineConfig, inputs: Sequence[VideoInput]
) -> int:
    """Print the plan, and give the exit code: 2 if a video that is named is not there.

    Raises:
        ConfigError: Files could not be written where they are wanted.
    """
    if options.out is not None:
        _check_writable(options.out)
    printer = PredictionPrinter(predictor, top_k=options.top_k, threshold=options.threshold, json=False)
    printer.print_header(subject="timelines" if options.timeline else "videos")
    missing = [one.entry.path for one in inputs if not os.path.exists(one.entry.path)]
    print(f"videos {_describe_inputs(len(inputs), missing, from_input=STDIN in options.videos)}")
    for line in _describe_timelines(options, config) if options.timeline else _describe_scores(options):
        print(line)
    print(f"device {predictor.scorer.runtime}")
    return 2 if missing else 0


def _describe_inputs(num_inputs: int, missing: Sequence[str], *, from_input: bool) -> str:
    text = f"{num_inputs} named"
    if from_input:
        text += ", and those of standard input, which is not read now"
    if missing:
        more = ", …" if len(missing) > _MAX_SHOWN else ""
        text += f"; {len(missing)} of them not there: {', '.join(missing[:_MAX_SHOWN])}{more}"
    return text


def _describe_scores(options: PredictOptions) -> Iterator[str]:
    what = "its scores as JSON" if options.json else f"its {options.top_k} best"
    yield f"prints {what} for each video, on standard output"


def _describe_timelines(options: PredictOptions, config: TimelineConfig) -> Iterator[str]:
    window, hop = config.window_seconds, config.hop_seconds
    length = "as long as a clip" if window is None else f"of {window:g} s"
    yield f"window {length}, a new one every {'half window' if hop is None else f'{hop:g} s'}"
    what = "its time line as JSON" if options.json else "what holds when"
    yield f"prints {what} for each video, on standard output"
    if options.out is not None:
        video = ", MP4" if options.save_video else ""
        yield f"writes JSON, CSV, SRT, PNG{video} for each video, to {options.out}"


def _check_writable(folder: Path) -> None:
    """Whether it is a folder that can be written, or one can be made, without making it."""
    existing = next(part for part in (folder, *folder.absolute().parents) if part.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise ConfigError(f"cannot write to {folder}; choose another --out")
