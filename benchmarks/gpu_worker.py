"""The program that measures for ``gpu.py``, which stops it when time is over."""

import sys
import time
from collections.abc import Iterator, Sequence

import torch
from gpu_clock import Clock, Measurement
from gpu_measurements import Bench
from gpu_options import parser, results
from gpu_report import markdown

from videomae2.engine.runtime import RuntimeConfig, prepare
from videomae2.jobs.bench.machine import describe
from videomae2.jobs.bench.model import MaskingName, StepCase
from videomae2.models.sizes import SizeName

BATCHES: dict[SizeName, int] = {
    "tiny": 4,
    "small": 256,
    "base": 256,
    "large": 128,
    "huge": 64,
    "giant": 64,
}
"""Clips of a step where the largest batch is not what is measured; halved where they do not fit."""

MASKINGS: tuple[MaskingName, ...] = ("dual", "lean", "v1")
PLAIN: tuple[SizeName, ...] = ("base",)
"""Compared with transformers, and measured with deterministic kernels."""
PROFILED: tuple[SizeName, ...] = ("base", "giant")
NO_DEVICE = 2
_SPARE_SECONDS = 12.0
"""What is begun should end this long before all is stopped: estimates may be wrong."""


def plan(bench: Bench, sizes: Sequence[SizeName], *, side: int) -> Iterator[Measurement]:
    """All measurements in their order; what is slow and may hang comes last."""

    def case(size: SizeName, masking: MaskingName = "dual") -> StepCase:
        return StepCase(size=size, masking=masking, side=side, batch=BATCHES[size])

    def chosen(some: Sequence[SizeName]) -> Sequence[SizeName]:
        return [size for size in sizes if size in some] or sizes

    def measurement(kind: str, one: StepCase, words: str) -> Measurement:
        return Measurement(f"{one.size} {words}", kind, lambda: bench.works[kind](one))

    products = (64, 64, 64) if bench.runtime.device.type == "cpu" else None
    yield Measurement("matrix products", "peak", lambda: bench.measure_peaks(products))
    for masking in MASKINGS:
        for size in sizes:
            yield measurement("step", case(size, masking), f"{masking} step")
    for size in reversed(sizes):
        yield measurement("largest", case(size), "largest")
    for size in chosen(PLAIN):
        yield measurement("transformers", case(size, "v1"), "transformers")
        yield measurement("deterministic", case(size), "dual step, deterministic")
    for size in chosen(PROFILED):
        yield measurement("profile", case(size), "profile")
    for masking in MASKINGS:
        for size in sizes:
            yield measurement("compiled", case(size, masking), f"{masking} compiled")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write; without a device say so and end with 2."""
    options = parser().parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("bench-gpu measures a CUDA device and torch sees none here.", file=sys.stderr)
        return NO_DEVICE
    end = options.end or time.monotonic() + options.seconds
    clock = Clock(options.kinds, end=end - _SPARE_SECONDS)
    runtime = prepare(RuntimeConfig(device=options.device, precision="bf16", deterministic=False))
    folder = results(options)
    bench = Bench(runtime, clock, folder=folder, largest_batch=options.largest_batch)
    print(describe(runtime.device), flush=True)
    bench.run(list(plan(bench, options.sizes, side=options.side)))
    print(f"{markdown(bench.report)}\nnumbers in {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
