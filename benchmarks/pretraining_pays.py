r"""Does pre-training pay on real videos? Fine-tuning after it and from scratch, on unseen speakers.

For every seed: dual-masked pre-training on the videos of the training speakers, without labels;
fine-tuning from it on a few labelled words of each class; the same fine-tuning from scratch (same
labelled videos, steps, batches, augmentation); both judged on words of speakers whom nothing has
seen. Each side has its learning rate from a search over the same rates, with the same budget, on
training speakers that are set aside for it. Unseen speakers decide nothing.

Every step is a run folder under --out, so the same command goes on where it stopped.

    python benchmarks/pretraining_pays.py                      # three seeds on 2 cores
    python benchmarks/pretraining_pays.py --shares 20 0        # with all labels, too
    python benchmarks/pretraining_pays.py --mix fights repetitions
    python benchmarks/pretraining_pays.py --size small --patch 8 --height 96 --width 112 \
        --pretrain-batch 64 --pretrain-rate 2e-3 --rates 1e-3 2e-3 4e-3 --device cuda
    python benchmarks/pretraining_pays.py --quick              # made-up videos, seconds

The data (--data, with the folder miracl) is MIRACL-VC1: research only, so no picture of it may go
into this repository; the evaluations' report.html show some.
"""

import argparse
import logging
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as the command line does, and before torch

from pays_data import load_split, write_synthetic
from pays_report import write_report
from pays_runs import MIXED, ComparisonSettings
from pays_steps import ComparisonPlan, ComparisonSteps

from videomae2.commands.bench.machine import describe_machine
from videomae2.errors import ConfigError, Interrupted, VideoMAE2Error
from videomae2.models.encoder import SIZES
from videomae2.training.runtime import RuntimeConfig, prepare_runtime

ROOT = Path(__file__).resolve().parents[1]
DATA, OUT = ROOT.parent / "shared" / "data", ROOT / "runs" / "pretraining-pays"
RATES = (8e-3, 16e-3, 32e-3)
QUICK = {
    "dim": 24,
    "depth": 1,
    "height": 16,
    "width": 32,
    "pretrain_steps": 6,
    "finetune_steps": 6,
    "finetune_batch": 4,
    "workers": 0,
    "rounds": 100,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print the page, and write it; the exit code as of the command line."""
    options = build_parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout, force=True)
    given = sys.argv[1:] if arguments is None else arguments
    command = shlex.join(["python", "benchmarks/pretraining_pays.py", *given])
    try:
        plan = _build_plan(options)
        machine = describe_machine(
            prepare_runtime(RuntimeConfig(device=plan.settings.device)).device
        )
        page = write_report(plan, ComparisonSteps(plan).run(), machine, command)
    except Interrupted as error:
        return _print_and_return(75, f"{error}; the same command goes on")
    except KeyboardInterrupt:
        return _print_and_return(1, "stopped by Ctrl-C; the same command goes on")
    except VideoMAE2Error as error:
        return _print_and_return(2, f"error: {error}")
    print(f"\n{page}\nalso in {plan.out / 'results.md'}, with all numbers in results.json")
    return 0


def _build_plan(options: argparse.Namespace) -> ComparisonPlan:
    """What is asked for.

    Raises:
        ConfigError: It makes no sense.
        ManifestError: The data is not there.
    """
    out = options.out or (OUT.with_name(f"{OUT.name}-quick") if options.quick else OUT)
    numbers = {one.name: getattr(options, one.name) for one in fields(ComparisonSettings)}
    if options.quick:
        options.seeds, options.shares, options.rates = (0, 1), (3,), (8e-3, 16e-3)
        numbers |= QUICK
    rates = sorted(set(options.rates))
    for name in ("seeds", "shares", "rates"):
        if not getattr(options, name) or min(getattr(options, name)) < 0:
            raise ConfigError(f"--{name} wants one number or more, none below 0")
    root = write_synthetic(out / "made-up") if options.quick else options.data / "miracl"
    return ComparisonPlan(
        protocol=load_split(root),
        settings=ComparisonSettings(**numbers),
        out=out,
        seeds=list(dict.fromkeys(options.seeds)),
        shares=list(dict.fromkeys(options.shares)),
        rates=rates,
        mixed={name: options.data / name for name in options.mix},
    )


def _print_and_return(code: int, line: str) -> int:
    print(line, file=sys.stderr)
    return code


def build_parser() -> argparse.ArgumentParser:
    """All flags."""
    described = (__doc__ or "").split("\n\n    python")
    argument_parser = argparse.ArgumentParser(
        description=described[0],
        epilog=f"    python{described[1]}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    defaults = ComparisonSettings()
    add = argument_parser.add_argument
    add("--quick", action="store_true", help="made-up videos and a few steps, to try it")
    add("--data", type=Path, default=DATA, help="folder with miracl in it (%(default)s)")
    add("--out", type=Path, help=f"where everything is written ({OUT}, or -quick)")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--shares", type=int, nargs="+", default=[20], help="labels of each class; 0 for all")
    add("--rates", type=float, nargs="+", default=RATES, help="searched, for 256 views")
    add("--mix", nargs="+", default=[], choices=sorted(MIXED), help="also pre-train on these")
    add("--size", choices=sorted(SIZES), default=defaults.size)
    for name in ("patch", "dim", "depth"):
        add(
            f"--{name}",
            type=int,
            default=getattr(defaults, name),
            help="the size's own if not given",
        )
    for name in ("frames", "height", "width", "channels"):
        add(f"--{name}", type=int, default=getattr(defaults, name))
    for name in ("pretrain-steps", "pretrain-batch", "pretrain-views"):
        add(f"--{name}", type=int, default=getattr(defaults, name.replace("-", "_")))
    add("--pretrain-rate", type=float, default=defaults.pretrain_rate, help="for 256 views")
    add("--masked", type=float, default=defaults.masked, help="share hidden from the encoder")
    for name in ("finetune-steps", "finetune-batch"):
        add(f"--{name}", type=int, default=getattr(defaults, name.replace("-", "_")))
    add("--device", default=defaults.device)
    add("--workers", type=int, default=defaults.workers, help="reading processes")
    add("--rounds", type=int, default=defaults.rounds, help="samples drawn for each interval")
    return argument_parser


if __name__ == "__main__":
    raise SystemExit(main())
