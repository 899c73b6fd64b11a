"""One pre-training step of ours beside transformers' VideoMAEForPreTraining, at equal work.

Equal: ViT-B, clips of 16x224x224, V1 masking (tube 0.9, all hidden cubes decoded, 4 decoder
blocks), batch, precision, threads, the same code for the limit of the gradient's norm and for
fused AdamW with its groups, and PyTorch told to keep freed memory.

Timed in ours: drawing the masks, gathering and normalising cubes of uint8 clips, forward, loss
with its target, backward, limit of the norm, AdamW. Timed in transformers: the same from forward
on; its masks and its float pixels, normalised, are made before the clock starts.

Each variant is a process of its own, so that its peak memory is its own, and all import both
packages. "step GiB" is the peak less what the process held before it made clips and model.
Variants of a group take turns of three steps, and the medians of the last two are compared.
The first step of a turn does not count: the caches are full of another process then.

    python benchmarks/side_by_side.py            # about six minutes on 2 cores
    python benchmarks/side_by_side.py --quick    # about three
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, cast

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as the command line does, and before torch

from variant import Variant, run_variant

from videomae2.base.text import align_columns
from videomae2.commands.bench.machine import describe_machine
from videomae2.commands.bench.model import BenchCase
from videomae2.models.encoder import SIZES, SizeName
from videomae2.training.runtime import Runtime, RuntimeConfig, prepare_runtime

STEPS_PER_TURN = 3
"""Of these the first does not count."""
OURS = Variant(code="ours")
THEIRS = Variant(code="transformers")
OURS_BF16 = Variant(code="ours", precision="bf16")
GROUPS: dict[str, list[Variant]] = {
    "against transformers, fp32": [THEIRS, OURS, Variant(code="ours", matmul_backend="default")],
    "against transformers, bf16": [Variant(code="transformers", precision="bf16"), OURS_BF16],
    "ours among themselves": [
        Variant(code="ours", masking=masking, precision=precision)
        for precision in ("fp32", "bf16")
        for masking in ("v1", "dual", "lean")
    ],
}
"""The first of a group is what the others are compared with."""


class VariantProcess:
    """The process of a variant."""

    def __init__(self, variant: Variant, case: BenchCase) -> None:
        self.variant = variant
        words = {
            **asdict(variant),
            "size": case.size,
            "batch_size": case.batch_size,
            "side": case.side,
        }
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--variant", json.dumps(words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def step(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("step\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.variant.name} ended early; its message is above")
        return json.loads(line)

    def close(self) -> None:
        self._process.communicate()


def take_turns(group: Sequence[Variant], case: BenchCase, rounds: int) -> list[dict[str, Any]]:
    """Let a group step in turn; the first turn of each does not count."""
    processes = [VariantProcess(who, case) for who in group]
    turns: list[list[list[dict[str, Any]]]] = [[] for _ in group]
    try:
        for _ in range(1 + rounds):
            for process, got in zip(processes, turns, strict=True):
                got.append([process.step() for _ in range(STEPS_PER_TURN)][1:])
    finally:
        for process in processes:
            process.close()
    seconds = [[one["seconds"] for turn in got[1:] for one in turn] for got in turns]
    return [
        _summarize(who, took, median(seconds[0]), got[-1][-1])
        for who, took, got in zip(group, seconds, turns, strict=True)
    ]


def _summarize(
    variant: Variant, seconds: list[float], first: float, last: dict[str, Any]
) -> dict[str, Any]:
    median_seconds = median(seconds)
    return {
        **asdict(variant),
        "name": variant.name,
        "steps": len(seconds),
        "median_seconds": median_seconds,
        "least_seconds": min(seconds),
        "most_seconds": max(seconds),
        "time_over_first": median_seconds / first,
        "speed_over_first": first / median_seconds,
        "peak_gib": last["peak_gib"],
        "step_gib": last["step_gib"],
        "loss": last["loss"],
    }


def format_table(title: str, rows: Sequence[dict[str, Any]]) -> str:
    """A group's numbers for people."""
    head = (title, "s/step", "least", "most", "time", "speed", "peak GiB", "step GiB")
    cells = [
        (
            row["name"],
            f"{row['median_seconds']:.3f}",
            f"{row['least_seconds']:.3f}",
            f"{row['most_seconds']:.3f}",
            f"{row['time_over_first']:.2f}",
            f"{row['speed_over_first']:.2f}",
            f"{row['peak_gib']:.2f}",
            "-" if row["step_gib"] is None else f"{row['step_gib']:.2f}",
        )
        for row in rows
    ]
    return align_columns(head, cells)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the groups and print tables, and JSON where it is asked for."""
    options = build_parser().parse_args(arguments)
    if options.variant:
        values = json.loads(options.variant)
        case = BenchCase(**{name: values.pop(name) for name in ("size", "batch_size", "side")})
        run_variant(Variant(**values), case)
        return 0
    case = BenchCase(size=options.size, batch_size=options.batch, side=options.side)
    rounds = options.rounds or (2 if options.quick else 5)
    runtime: Runtime = prepare_runtime(RuntimeConfig(device="cpu", precision="fp32"))
    print(describe_machine(runtime.device))
    print(
        f"{case.size}, {case.batch_size} clips of {case.frames}x{case.side}x{case.side}; medians of"
    )
    steps = (STEPS_PER_TURN - 1) * rounds
    print(f"{steps} steps in {rounds} turns; time and speed beside the first of each group\n")
    group_rows = {}
    for title, group in GROUPS.items():
        if options.group and options.group not in title:
            continue
        group_rows[title] = take_turns(group, case, rounds)
        print(format_table(title, group_rows[title]), end="\n\n", flush=True)
    if options.json:
        report = {
            "machine": asdict(describe_machine(runtime.device)),
            "case": asdict(case),
            "groups": group_rows,
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=2) + "\n")
        print(f"numbers in {options.json}")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All flags."""
    argument_parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None
    )
    argument_parser.add_argument("--quick", action="store_true", help="2 turns instead of 5")
    argument_parser.add_argument("--rounds", type=int, help="turns of each that count")
    argument_parser.add_argument("--group", help="only groups with this in their title")
    argument_parser.add_argument("--size", default="base", choices=sorted(SIZES), type=_size)
    argument_parser.add_argument("--batch", type=int, default=2)
    argument_parser.add_argument("--side", type=int, default=224)
    argument_parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    argument_parser.add_argument("--variant", help=argparse.SUPPRESS)
    return argument_parser


def _size(name: str) -> SizeName:
    return cast(SizeName, name)


if __name__ == "__main__":
    raise SystemExit(main())
