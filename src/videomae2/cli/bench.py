"""``videomae2 bench pretrain``: how fast pre-training is on this machine."""

import json
import sys
from dataclasses import asdict, dataclass, field
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, arg

from videomae2.cli.options import parse
from videomae2.jobs.bench.pretrain import bench, rehearse
from videomae2.jobs.bench.settings import BenchConfig
from videomae2.jobs.bench.text import bench_text

PROG = "videomae2 bench"

_DESCRIPTION = """Measure how fast pre-training is here.

The model's step (clips/s, and its share of the machine's measured matrix products), the path from
video files to clips by stage, and training with both. Other load on the machine shows up in the
numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """All arguments."""

    what: Annotated[Positional[Literal["pretrain"]], arg(metavar="pretrain")] = "pretrain"
    """What to measure."""
    config: tyro.conf.OmitArgPrefixes[BenchConfig] = field(default_factory=BenchConfig)
    """How."""
    dry_run: bool = False
    """Check everything and say what would be measured."""
    json: bool = False
    """Print JSON."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 bench`` with these arguments."""
    options = parse(
        Options,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} pretrain",
            f"{PROG} pretrain --size small --precision fp32 bf16 --parts model",
            f"{PROG} pretrain --videos my_videos/ --parts data both --json",
            f"{PROG} pretrain --parts data --made-up-smoothness 1 --made-up-noise 2",
        ),
    )
    if options.dry_run:
        plan = rehearse(options.config)
        print(json.dumps({"plan": plan.splitlines()}) if options.json else plan)
        return 0
    report = bench(options.config, say=_progress)
    if options.json:
        print(json.dumps(asdict(report), indent=2))
    else:
        print(bench_text(report))
    return 0


def _progress(line: str) -> None:
    print(f"... {line}", file=sys.stderr, flush=True)
