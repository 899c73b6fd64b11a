"""``videomae2 probe``: weights and labelled videos → a table of what their features can tell."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

import tyro
from tyro.conf import Positional, arg

from videomae2.cli.options import parse
from videomae2.cli.progress import saying
from videomae2.jobs.probe.job import probe
from videomae2.jobs.probe.planning import prepare_probe
from videomae2.jobs.probe.settings import ClipSettings, ListSettings, ProbeSettings
from videomae2.jobs.probe.text import as_json, as_text

PROG = "videomae2 probe"
R = TypeVar("R")

_DESCRIPTION = """Probe frozen features: train nothing but a k-NN vote, a linear head and one block
of attention on what an encoder makes of labelled videos.

Settings are chosen on held-out parts of the training videos, never on the test. Features are kept
on disk, so a second probe of the same weights and videos reads no video."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """All arguments."""

    weights: Annotated[Positional[Path], arg(metavar="WEIGHTS")]
    """A run folder (its best model by validation, else its newest checkpoint), a saved model, or a
    released file."""
    train: Annotated[Positional[Path], arg(metavar="TRAIN")]
    """Labelled videos: a folder per class, a list or a table."""
    test: Annotated[Positional[Path | None], arg(metavar="[TEST]")] = None
    """Labelled videos to test on; a share of TRAIN is held out if not given."""
    ema: bool = False
    """Probe the running mean of a checkpoint's weights."""
    clip: tyro.conf.OmitArgPrefixes[ClipSettings] = field(default_factory=ClipSettings)
    """What the encoder sees of each video."""
    lists: tyro.conf.OmitArgPrefixes[ListSettings] = field(default_factory=ListSettings)
    """How lists are read."""
    settings: tyro.conf.OmitArgPrefixes[ProbeSettings] = field(default_factory=ProbeSettings)
    """What is tried."""
    dry_run: bool = False
    """Check everything and show the plan, without reading a video."""
    json: bool = False
    """Print JSON, with every setting that was tried; the progress goes to stderr."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 probe`` with these arguments."""
    options = parse(
        Options,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} runs/own my_videos/",
            f"{PROG} vit_b_k710_dl_from_giant.pth train.csv test.csv --clips 5",
            f"{PROG} runs/own labels.csv --keep split=train --keep-test split=test",
            f"{PROG} runs/own train.csv test.csv --methods knn linear --json",
            f"{PROG} runs/own my_videos/ --dry-run",
        ),
    )
    plan = prepare_probe(
        options.weights,
        options.train,
        options.test,
        use_mean=options.ema,
        clips=options.clip,
        lists=options.lists,
        settings=options.settings,
        say=saying(json=options.json),
    )
    if options.dry_run:
        print("\n".join(plan.lines()))
        return 0
    report = probe(plan)
    print(as_json(report) if options.json else f"\n{as_text(report)}")
    return 0
