"""``videomae2 demo``: the main job with no arguments."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from videomae2.cli.options import parse
from videomae2.cli.progress import saying
from videomae2.config import Run
from videomae2.data.moving_shapes import LABELLED
from videomae2.errors import ConfigError
from videomae2.jobs.demo import Say, Shown, Stages, demo, make_videos
from videomae2.jobs.demo_page import write_page
from videomae2.recipes import DISTILL_RECIPES, FINETUNE_RECIPES, RECIPES

PROG = "videomae2 demo"
LEAST_VIDEOS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """All arguments."""

    out: Path = Path("runs/demo")
    """Folder for videos, run and pictures; a demo that is there already goes on."""
    videos: int = 800
    """Videos of the data set; one in five is held out."""
    dry_run: bool = False
    """Say what would be made and trained, and where."""
    json: bool = False
    """Print the results as JSON; the progress goes to stderr."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 demo`` with these arguments."""
    options = parse(
        Options,
        arguments,
        prog=PROG,
        description="Make a data set of moving shapes; pre-train a tiny model on it without "
        "labels, fine-tune it on a labelled share, do the same from scratch, distil a smaller "
        "student, and show what each part was worth.",
        examples=(PROG, f"{PROG} --out /tmp/demo"),
    )
    if options.videos < LEAST_VIDEOS:
        raise ConfigError(f"--videos is {options.videos}; the demo wants {LEAST_VIDEOS} or more")
    if options.dry_run:
        plan = _plan(options)
        print(json.dumps({"plan": plan}) if options.json else "\n".join(plan))
        return 0
    say = saying(json=options.json)
    shapes = make_videos(options.out / "videos", videos=options.videos, say=say)
    stages = _stages(shapes.folder, options.out)
    shown = demo(stages, shapes, say=say)
    report = write_page(shown, stages, options.out / "report.html")
    if options.json:
        print(json.dumps(_plain(asdict(shown)) | {"report": str(report)}))
    else:
        _tell(shown, report, say)
    return 0


def _plan(options: Options) -> list[str]:
    """What a demo does, a line for each part; the folder says what of it is there already."""
    folder = options.out / "videos"
    stages = _stages(folder, options.out)
    runs: dict[str, Run] = {
        "pre-training, without labels": stages.pretrain,
        "fine-tuning from it": stages.finetune,
        "the same from scratch": stages.scratch,
        "a smaller student of it": stages.distill,
    }
    there = {True: ", goes on from what is there", False: ""}
    return [
        f"videos   {options.videos} videos of moving shapes in {folder}{there[folder.exists()]}",
        *(
            f"run      {words}: {run.optim.epochs:g} passes in {run.record.out}"
            f"{there[run.record.out.exists()]}"
            for words, run in runs.items()
        ),
        f"report   {options.out / 'report.html'}, all three models judged on held-out videos",
    ]


def _stages(videos: Path, out: Path) -> Stages:
    """The runs of the progression, each in a folder of its own."""
    train, labelled = videos / "train", videos / LABELLED
    pretraining = RECIPES["demo"]([train], out / "pretrain")
    tuning = FINETUNE_RECIPES["demo"]([labelled], out / "finetune")
    scratch = FINETUNE_RECIPES["demo"]([labelled], out / "scratch")
    distilling = DISTILL_RECIPES["demo"]([train], out / "distill")
    return Stages(
        pretrain=pretraining,
        finetune=replace(tuning, start=replace(tuning.start, weights=out / "pretrain")),
        scratch=scratch,
        distill=replace(distilling, teacher=replace(distilling.teacher, weights=out / "finetune")),
    )


def _tell(shown: Shown, report: Path, say: Say) -> None:
    gain = shown.gain.difference
    say(
        f"\nloss     {shown.loss:.3f} at the end of pre-training; {shown.held_out_loss:.3f} on "
        f"held-out videos,\n         where predicting each cube's mean would give "
        f"{shown.baseline:.3f}"
    )
    say(
        f"gain     {gain.value * 100:+.1f} points of accuracy by pre-training "
        f"[{gain.low * 100:+.1f}, {gain.high * 100:+.1f}]"
    )
    say(f"curve    {shown.curve}")
    say(f"picture  {shown.picture}")
    say(f"model    {shown.pretrained.folder}")
    say(f"report   {report}")
    say("again    delete the folder, or choose another --out")
    say(f"yours    {sys.argv[0]} pretrain own-cpu FOLDER, and so on as in README.md")


def _plain(value: Any) -> Any:
    """What JSON has words for."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items() if name != "hits"}
    return str(value) if isinstance(value, Path) else value
