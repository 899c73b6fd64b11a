"""What ``videomae2 predict --dry-run`` shows: what would be done, and where it would go."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from videomae2.cli.predict_options import STDIN, Options
from videomae2.cli.predict_words import Printer
from videomae2.errors import ConfigError
from videomae2.jobs.predict import Predictor
from videomae2.jobs.timeline import TimelineConfig
from videomae2.jobs.video_inputs import Input

_SHOWN = 3


def show_plan(
    options: Options, predictor: Predictor, config: TimelineConfig, named: Sequence[Input]
) -> int:
    """Print the plan, and give the exit code: 2 if a video that is named is not there.

    Raises:
        ConfigError: Files could not be written where they are wanted.
    """
    if options.out is not None:
        _check_writable(options.out)
    printer = Printer(predictor, top=options.top, threshold=options.threshold, json=False)
    printer.begin(of="timelines" if options.timeline else "videos")
    absent = [one.entry.path for one in named if not os.path.exists(one.entry.path)]
    print(f"videos {_videos(len(named), absent, from_input=STDIN in options.videos)}")
    for line in _of_timelines(options, config) if options.timeline else _of_videos(options):
        print(line)
    print(f"device {predictor.scorer.runtime}")
    return 2 if absent else 0


def _videos(named: int, absent: Sequence[str], *, from_input: bool) -> str:
    words = f"{named} named"
    if from_input:
        words += ", and those of standard input, which is not read now"
    if absent:
        more = ", …" if len(absent) > _SHOWN else ""
        words += f"; {len(absent)} of them not there: {', '.join(absent[:_SHOWN])}{more}"
    return words


def _of_videos(options: Options) -> Iterator[str]:
    what = "its scores as JSON" if options.json else f"its {options.top} best"
    yield f"prints {what} for each video, on standard output"


def _of_timelines(options: Options, config: TimelineConfig) -> Iterator[str]:
    window, every = config.window_seconds, config.every_seconds
    length = "as long as a clip" if window is None else f"of {window:g} s"
    yield f"window {length}, a new one every {'half window' if every is None else f'{every:g} s'}"
    what = "its time line as JSON" if options.json else "what holds when"
    yield f"prints {what} for each video, on standard output"
    if options.out is not None:
        film = ", MP4" if options.film else ""
        yield f"writes JSON, CSV, SRT, PNG{film} for each video, to {options.out}"


def _check_writable(folder: Path) -> None:
    """Whether it is a folder that can be written, or one can be made, without making it."""
    there = next(part for part in (folder, *folder.absolute().parents) if part.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(f"cannot write to {folder}; choose another --out")
