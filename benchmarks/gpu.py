"""Pre-training steps on a CUDA device: sizes, exact and lean, compiled or not, largest batches.

Needs torch, numpy, einops, jaxtyping and safetensors only. Ends within eight minutes: what the
time does not suffice for is left out and said. Writes gpu.json and gpu.md to $OUT, or to
scratch/bench-gpu.

    make bench-gpu
    PYTHONPATH=src python3 benchmarks/gpu.py --sizes base --seconds 120
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")  # before torch

import torch
from gpu_measurements import LONGEST_SECONDS, Bench
from gpu_report import markdown

from videomae2.engine.runtime import RuntimeConfig, prepare
from videomae2.jobs.bench.machine import describe
from videomae2.jobs.bench.model import MaskingName, StepCase
from videomae2.models.sizes import SIZES, SizeName

BATCHES: dict[SizeName, int] = {
    "tiny": 4,
    "small": 256,
    "base": 256,
    "large": 128,
    "huge": 64,
    "giant": 64,
}
"""Clips of a step where the largest batch is not what is measured."""

MASKINGS: tuple[MaskingName, ...] = ("dual", "lean", "v1")
COMPARED: tuple[SizeName, ...] = ("base",)
PROFILED: tuple[SizeName, ...] = ("base", "giant")
NO_DEVICE = 2


def measure(bench: Bench, sizes: Sequence[SizeName], *, side: int) -> None:
    """All measurements, what matters most first."""

    def case(size: SizeName, masking: MaskingName = "dual") -> StepCase:
        return StepCase(size=size, masking=masking, side=side, batch=BATCHES[size])

    def steps(size: SizeName, *, compiled: bool) -> None:
        kind = "compiled" if compiled else "step"
        for masking in MASKINGS:
            work = partial(bench.step, case(size, masking), compiled=compiled)
            bench.run(f"{size} {masking} {kind}", kind, work)

    for size in sizes:
        steps(size, compiled=False)
    for size in [size for size in sizes if size in COMPARED] or sizes:
        work = partial(bench.transformers, case(size, "v1"))
        bench.run(f"{size} transformers", "transformers", work)
    for size in [size for size in sizes if size in PROFILED] or sizes:
        bench.run(f"{size} profile", "profile", partial(bench.profile, case(size)))
    for size in sizes:
        steps(size, compiled=True)
    for size in reversed(sizes):
        bench.run(f"{size} largest", "largest", partial(bench.largest, case(size)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write; without a device say so and end with 2."""
    options = _parser().parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("bench-gpu measures a CUDA device and torch sees none here.", file=sys.stderr)
        return NO_DEVICE
    runtime = prepare(RuntimeConfig(device=options.device, precision="bf16"))
    bench = Bench(
        runtime,
        kinds=options.kinds,
        seconds=options.seconds,
        largest_batch=options.largest_batch,
    )
    print(describe(runtime.device))
    shapes = ((256, 256, 256),) if options.device == "cpu" else None
    bench.measure_peaks(shapes)
    measure(bench, options.sizes, side=options.side)
    folder = options.out or Path(os.environ.get("OUT") or "scratch/bench-gpu")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gpu.json").write_text(json.dumps(asdict(bench.report), indent=2) + "\n")
    (folder / "gpu.md").write_text(markdown(bench.report))
    print(f"{markdown(bench.report)}\nnumbers in {folder}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    kinds = list(LONGEST_SECONDS)
    sizes = ["small", "base", "large", "giant"]
    parser.add_argument("--sizes", nargs="+", default=sizes, choices=sorted(SIZES))
    parser.add_argument("--kinds", nargs="+", default=kinds, choices=kinds, help="what to measure")
    parser.add_argument("--seconds", type=float, default=440, help="time for all of it")
    parser.add_argument("--side", type=int, default=224, help="of a clip in pixels")
    parser.add_argument("--largest-batch", type=int, default=4096, help="where the search ends")
    parser.add_argument("--device", default="cuda", help="cpu tests the program itself")
    parser.add_argument("--out", type=Path, help="folder; $OUT or scratch/bench-gpu if not given")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
