"""``videomae2 bench``: how fast pre-training is on this machine, or its steps on a CUDA device."""

import json
from dataclasses import asdict, dataclass, field
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, arg

from videomae2.cli.options import parse_options
from videomae2.cli.terminal import print_plan
from videomae2.commands.bench import gpu
from videomae2.commands.bench.config import BenchConfig
from videomae2.commands.bench.run import dry_run, run_bench

PROG = "videomae2 bench"


_DESCRIPTION = """Measure how fast pre-training is here.

The model's step (clips/s, and its share of the machine's measured matrix products), the path from
video files to clips by stage, and training with both. Other load on the machine shows up in the
numbers.

"videomae2 bench gpu" measures steps, largest batches and more on a CUDA device, within eight
minutes; "videomae2 bench gpu --help" shows its flags."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchOptions:
    """All arguments."""

    target: Annotated[Positional[Literal["pretrain"]], arg(metavar="pretrain")] = "pretrain"
    """What to measure."""
    config: tyro.conf.OmitArgPrefixes[BenchConfig] = field(default_factory=BenchConfig)
    """How."""
    dry_run: bool = False
    """Check everything and say what would be measured."""
    json: bool = False
    """Print JSON."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 bench`` with these arguments."""
    if arguments[:1] == ["gpu"]:
        return gpu.main(arguments[1:])
    options = parse_options(
        BenchOptions,
        arguments or ["--help"],  # nobody measures for minutes by accident
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} pretrain",
            f"{PROG} pretrain --size small --precision fp32 bf16 --parts model",
            f"{PROG} pretrain --videos my_videos/ --parts data end_to_end --json",
            f"{PROG} pretrain --parts data --synthetic-smoothness 1 --synthetic-noise 2",
        ),
    )
    if options.dry_run:
        return print_plan(dry_run(options.config), as_json=options.json)
    report = run_bench(options.config)
    if options.json:
        print(json.dumps(asdict(report), indent=2))
    else:
        print(report)
    return 0
