"""``videomae2 demo``: the main job with no arguments."""

import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from videomae2.base.summary import Summary
from videomae2.base.text import format_count
from videomae2.cli.options import parse_options
from videomae2.cli.terminal import print_plan
from videomae2.config.runs import Run
from videomae2.data.synthetic.moving_shapes import LABELLED_LIST
from videomae2.errors import ConfigError
from videomae2.recipes.table import DISTILL_RECIPES, FINETUNE_RECIPES, RECIPES
from videomae2.reports.demo import DemoResult, DemoStages, write_demo_page
from videomae2.training.optim import OptimConfig

_logger = logging.getLogger(__name__)

PROG = "videomae2 demo"


MIN_VIDEOS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoOptions:
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
    options = parse_options(
        DemoOptions,
        arguments,
        prog=PROG,
        description="Make a data set of moving shapes; pre-train a tiny model on it without "
        "labels, fine-tune it on a labelled share, do the same from scratch, distil a smaller "
        "student, and show what each part was worth.",
        examples=(PROG, f"{PROG} --out /tmp/demo"),
    )
    if options.videos < MIN_VIDEOS:
        raise ConfigError(f"--videos is {options.videos}; the demo wants {MIN_VIDEOS} or more")
    if options.dry_run:
        return print_plan(_plan_demo(options), as_json=options.json)
    # not for --help and --dry-run: all commands stand behind it
    from videomae2.commands.demo import run_demo, write_videos

    dataset = write_videos(options.out / "videos", videos=options.videos)
    stages = build_stages(dataset.folder, options.out)
    results = run_demo(stages, dataset)
    report = write_demo_page(results, stages, options.out / "report.html")
    if options.json:
        print(json.dumps(_to_json_value(asdict(results)) | {"report": str(report)}))
    else:
        _log_results(results, report)
    return 0


def _plan_demo(options: DemoOptions) -> Summary:
    """What a demo does; the folder says what of it is there already."""
    folder = options.out / "videos"
    stages = build_stages(folder, options.out)
    runs: dict[str, Run] = {
        "pre-training, without labels": stages.pretrain,
        "fine-tuning from it": stages.finetune,
        "the same from scratch": stages.scratch,
        "a smaller student of it": stages.distill,
    }
    report = f"{options.out / 'report.html'}, all three models judged on held-out videos"
    return Summary(
        (
            ("videos", f"{options.videos} videos of moving shapes in {_note_resume(folder)}"),
            *(
                (
                    "run",
                    f"{words}: {_format_length(run.optim)} in {_note_resume(run.output_dir)}",
                )
                for words, run in runs.items()
            ),
            ("report", report),
        )
    )


def _format_length(optim: OptimConfig) -> str:
    if optim.epochs is None:
        return format_count(optim.steps or 0, "step")
    return format_count(optim.epochs, "pass", "g")


def _note_resume(folder: Path) -> str:
    return f"{folder}{', goes on from what is there' if folder.exists() else ''}"


def build_stages(videos: Path, out: Path) -> DemoStages:
    """The runs of the progression, each in a folder of its own."""
    train, labelled = videos / "train", videos / LABELLED_LIST
    pretrain_run = RECIPES["demo"]([train], out / "pretrain")
    finetune_run = FINETUNE_RECIPES["demo"]([labelled], out / "finetune")
    scratch = FINETUNE_RECIPES["demo"]([labelled], out / "scratch")
    distill_run = DISTILL_RECIPES["demo"]([train], out / "distill")
    return DemoStages(
        pretrain=pretrain_run,
        finetune=replace(finetune_run, init=replace(finetune_run.init, weights=out / "pretrain")),
        scratch=scratch,
        distill=replace(
            distill_run, teacher=replace(distill_run.teacher, weights=out / "finetune")
        ),
    )


def _log_results(results: DemoResult, report: Path) -> None:
    improvement = results.improvement.difference
    rows = (
        (
            "loss",
            f"{results.loss:.3f} at the end of pre-training; {results.val_loss:.3f} on held-out "
            f"videos,\nwhere predicting each cube's mean would give {results.baseline:.3f}",
        ),
        (
            "improvement",
            f"{improvement.value * 100:+.1f} points of accuracy by pre-training "
            f"[{improvement.low * 100:+.1f}, {improvement.high * 100:+.1f}]",
        ),
        ("curve", str(results.curve)),
        ("picture", str(results.picture)),
        ("model", str(results.pretrained.folder)),
        ("report", str(report)),
        ("rerun", "delete the folder, or choose another --out"),
        ("next", f"{sys.argv[0]} pretrain own-cpu FOLDER, and so on as in README.md"),
    )
    _logger.info("")
    _logger.info(Summary(rows))


def _to_json_value(value: Any) -> Any:
    """What JSON has words for."""
    if isinstance(value, Mapping):
        return {name: _to_json_value(part) for name, part in value.items() if name != "hits"}
    return str(value) if isinstance(value, Path) else value
