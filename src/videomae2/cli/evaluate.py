"""``videomae2 evaluate``: a classifier and labelled videos → numbers with intervals, a report."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from videomae2.base.names import dump_json
from videomae2.base.text import format_count
from videomae2.cli.options import parse_options
from videomae2.cli.terminal import print_pairs, print_plan
from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.commands.evaluate.results import build_results_json
from videomae2.commands.evaluate.run import evaluate, prepare_evaluation
from videomae2.metrics.bootstrap import Interval
from videomae2.reports.evaluation_result import Evaluation
from videomae2.reports.evaluation_sections import format_difference

PROG = "videomae2 evaluate"


_DESCRIPTION = """Judge a classifier on labelled videos.

Each video is decoded once for all its views (clips x crops); their probabilities are averaged.
Prints accuracies (mAP for labels, errors for numbers) with 95 % intervals, and writes
report.html, results.json, predictions.jsonl and probabilities.npy. Videos that cannot be read are
listed, and make the exit code 2 unless --allow-unreadable says otherwise. A call that was
interrupted goes on where it stopped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluateOptions:
    """All arguments."""

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """A run folder (its best model by validation is taken, else its newest checkpoint), one of its
    checkpoints, a saved model, or weights of other software, such as a released file."""
    videos: Annotated[Positional[Path], arg(metavar="VIDEOS")]
    """A folder per class, or a list or table with labels."""
    out: Path | None = None
    """Folder to write to; if not given evaluation/VIDEOS-DIGEST in the run folder, or of
    weights of other software in runs/ with their name; the digest names all that is asked."""
    json: bool = False
    """Print JSON; progress goes to stderr."""
    dry_run: bool = False
    """Check everything and show the plan, without reading a video."""
    config: Annotated[EvaluateConfig, arg(name="")] = field(default_factory=EvaluateConfig)
    """How it is done."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 evaluate`` with these arguments."""
    options = parse_options(
        EvaluateOptions,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} runs/tuned test_videos/",
            f"{PROG} runs/tuned test.csv --views.clips 5 --views.crops 3 --out results/",
            f"{PROG} runs/tuned videos.csv --list.filter split=test --json",
            f"{PROG} runs/tuned test_videos/ --baselines random pixels",
            f"{PROG} runs/tuned/checkpoints/step-00000500 test_videos/ --weights raw --dry-run",
            f"{PROG} vit_s_k710_dl_from_giant.pth k400/test.csv --class-names kinetics-710 "
            f"--classes kinetics-400",
        ),
    )
    if options.dry_run:
        plan = prepare_evaluation(
            options.run, options.videos, out=options.out, config=options.config
        )
        return print_plan(plan.summary(), as_json=options.json)
    evaluation = evaluate(options.run, options.videos, out=options.out, config=options.config)
    if options.json:
        print(dump_json(build_results_json(evaluation)))
    else:
        print_metrics(evaluation)
    return 0


def print_metrics(evaluation: Evaluation) -> None:
    """Print the head numbers."""
    as_percent = evaluation.task_type != "regression"
    rows = [
        (name, _format_interval(interval, as_percent=as_percent))
        for name, interval in evaluation.metrics.values.items()
    ]
    calibration = evaluation.metrics.calibration
    if calibration is not None:
        temperature = f"temperature {calibration.temperature:.3g}, fitted on these same videos"
        rows.append(("calibration", f"ECE {calibration.ece.value:.2%}; {temperature}"))
    for row in evaluation.baselines:
        value, ends = format_difference(row.difference)
        rows.append((f"beside: {row.name}", f"{row.accuracy.value:.2%}, the model {value}, {ends}"))
    print_pairs(rows)
    if evaluation.unreadable:
        print(
            f"{len(evaluation.unreadable)} of "
            f"{format_count(evaluation.num_listed, 'video')} could not be read"
        )


def _format_interval(interval: Interval, *, as_percent: bool) -> str:
    if math.isnan(interval.value):
        return "not known: no video tells"
    if as_percent:
        return f"{interval.value:.2%}  [{100 * interval.low:.2f}, {100 * interval.high:.2f}]"
    return f"{interval.value:.5g}  [{interval.low:.5g}, {interval.high:.5g}]"
