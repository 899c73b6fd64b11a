"""``videomae2 probe``: weights and labelled videos → a table of what their features can tell."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

import tyro
from tyro.conf import Positional, arg

from videomae2.base.names import printable
from videomae2.cli.options import parse_options
from videomae2.cli.terminal import print_plan, print_summary, print_table
from videomae2.commands.probe.config import ProbeClipConfig, ProbeSettings
from videomae2.commands.probe.plan import prepare_probe
from videomae2.commands.probe.run import run_probe
from videomae2.inference.probe_data import ProbeListConfig
from videomae2.reports.probe import (
    TEXT_COLUMNS,
    ProbeReport,
    format_json,
    list_remarks,
    summarize_probe,
    tabulate_baselines,
    tabulate_results,
)

PROG = "videomae2 probe"


R = TypeVar("R")


_DESCRIPTION = """Probe frozen features: train nothing but a k-NN vote, linear heads and one block
of attention on what an encoder makes of labelled videos.

Settings are chosen on held-out parts of the training videos, never on the test. Features are kept
on disk, so a second probe of the same weights and videos reads no video."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeOptions:
    """All arguments."""

    weights: Annotated[Positional[Path], arg(metavar="WEIGHTS")]
    """A run folder (its best model by validation, else its newest checkpoint), a saved model,
    weights of other software, such as a released file, or a folder of: videomae2 extract, then no
    video is read."""
    train: Annotated[Positional[Path], arg(metavar="TRAIN")]
    """Labelled videos: a folder per class, a list or a table."""
    test: Annotated[Positional[Path | None], arg(metavar="[TEST]")] = None
    """Labelled videos to test on; a share of TRAIN is held out if not given."""
    ema: bool = False
    """Probe the running mean of a checkpoint's weights."""
    clip: tyro.conf.OmitArgPrefixes[ProbeClipConfig] = field(default_factory=ProbeClipConfig)
    """What the encoder sees of each video."""
    lists: tyro.conf.OmitArgPrefixes[ProbeListConfig] = field(default_factory=ProbeListConfig)
    """How lists are read."""
    settings: tyro.conf.OmitArgPrefixes[ProbeSettings] = field(default_factory=ProbeSettings)
    """What is tried."""
    dry_run: bool = False
    """Check everything and show the plan, without reading a video."""
    json: bool = False
    """Print JSON, with every setting that was tried; the progress goes to stderr."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 probe`` with these arguments."""
    options = parse_options(
        ProbeOptions,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} runs/own my_videos/",
            f"{PROG} vit_b_k710_dl_from_giant.pth train.csv test.csv --clips 5",
            f"{PROG} runs/own labels.csv --filter split=train --filter-test split=test",
            f"{PROG} runs/own train.csv test.csv --methods knn linear --json",
            f"{PROG} runs/own labels.csv --groups speaker --poolings slots in-place",
            f"{PROG} runs/own my_videos/ --methods knn ridge --baselines random pixels",
            f"{PROG} runs/own my_videos/ --dry-run",
        ),
    )
    plan = prepare_probe(
        options.weights,
        options.train,
        options.test,
        use_ema=options.ema,
        clips=options.clip,
        list_config=options.lists,
        settings=options.settings,
    )
    if options.dry_run:
        return print_plan(plan.summary(), as_json=options.json)
    report = run_probe(plan)
    if options.json:
        print(format_json(report))
    else:
        print_report(report)
    return 0


def print_report(report: ProbeReport) -> None:
    """Print what was probed, a table, and what must be known of it."""
    print()
    print_summary(summarize_probe(report))
    print()
    print_table(tabulate_results(report), left=TEXT_COLUMNS)
    print()
    for remark in list_remarks(report):
        print(printable(remark))
    if report.baselines:
        print()
        print_table(tabulate_baselines(report.baselines), left=TEXT_COLUMNS)
        print()
    print(printable(f"features are kept in {report.cache_dir}"))
