"""``videomae2 demo``: the main job with no arguments."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from videomae2.cli.options import parse
from videomae2.errors import ConfigError
from videomae2.jobs.demo import demo, make_videos
from videomae2.recipes import RECIPES

PROG = "videomae2 demo"
LEAST_VIDEOS = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """All arguments."""

    out: Path = Path("runs/demo")
    """Folder for videos, run and pictures; a demo that is there already goes on."""
    videos: int = 640
    """Videos of the data set; one in five is held out."""
    json: bool = False
    """Print the results as JSON; the progress goes to stderr."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 demo`` with these arguments."""
    options = parse(
        Options,
        arguments,
        prog=PROG,
        description="Make a data set of moving shapes, pre-train a tiny model on it without "
        "labels, and show the loss and what the model rebuilds of held-out videos.",
        examples=(PROG, f"{PROG} --out /tmp/demo"),
    )
    if options.videos < LEAST_VIDEOS:
        raise ConfigError(f"--videos is {options.videos}; the demo wants {LEAST_VIDEOS} or more")
    stream = sys.stderr if options.json else sys.stdout

    def say(line: str) -> None:
        print(line, file=stream, flush=True)

    shapes = make_videos(options.out / "videos", videos=options.videos, say=say)
    run = RECIPES["demo"]([shapes.folder / "train"], options.out / "run")
    shown = demo(run, shapes, say=say)
    if options.json:
        print(json.dumps({name: _plain(value) for name, value in asdict(shown).items()}))
        return 0
    say(
        f"\nloss     {shown.loss:.3f} at the end of training; {shown.held_out_loss:.3f} on held-out"
    )
    say(f"         videos, where predicting each cube's mean would give {shown.baseline:.3f}")
    say(f"curve    {shown.curve}")
    say(f"picture  {shown.picture}")
    say(f"model    {shown.checkpoint}")
    say("again    delete the folder, or choose another --out")
    return 0


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value
