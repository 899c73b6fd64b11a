"""The program that measures for ``gpu``, which stops it when time is over."""

import sys
import time
from collections.abc import Iterator, Sequence

import torch

from videomae2.commands.bench.gpu import TimeBudget, build_parser, resolve_output_dir
from videomae2.commands.bench.gpu_measurements import GpuBench, Measurement
from videomae2.commands.bench.machine import describe_machine
from videomae2.commands.bench.model import BenchCase, MaskingName
from videomae2.commands.bench.report import format_markdown
from videomae2.models.encoder import SizeName
from videomae2.training.runtime import RuntimeConfig, prepare_runtime

BATCHES: dict[SizeName, int] = {
    "tiny": 4, "small": 256, "base": 256, "large": 128, "huge": 64, "giant": 64,
}  # fmt: skip
"""Clips of a step where the largest batch is not what is measured; halved where they do not fit."""

MASKINGS: tuple[MaskingName, ...] = ("dual", "lean", "v1")
COMPARED: tuple[SizeName, ...] = ("base",)
"""Compared with transformers, and measured with deterministic kernels."""
PROFILED: tuple[SizeName, ...] = ("base", "giant")
NO_DEVICE = 2
_SPARE_SECONDS = 12.0
"""What is begun should end this long before all is stopped: estimates may be wrong."""


def list_measurements(
    bench: GpuBench, sizes: Sequence[SizeName], *, side: int
) -> Iterator[Measurement]:
    """All measurements in their order; what is slow and may hang comes last."""

    def build(kind: str, size: SizeName, words: str, masking: MaskingName = "dual") -> Measurement:
        case = BenchCase(size=size, masking=masking, side=side, batch_size=BATCHES[size])
        return Measurement(f"{size} {words}", kind, lambda: bench.works[kind](case))

    def select_sizes(preferred: Sequence[SizeName]) -> Sequence[SizeName]:
        return [size for size in sizes if size in preferred] or sizes

    peak_shape = (64, 64, 64) if bench.runtime.device.type == "cpu" else None
    yield Measurement("matrix products", "peak", lambda: bench.measure_peaks(peak_shape))
    for masking in MASKINGS:
        for size in sizes:
            yield build("step", size, f"{masking} step", masking)
    for size in reversed(sizes):
        yield build("largest", size, "largest")
    for size in select_sizes(COMPARED):
        yield build("transformers", size, "transformers", "v1")
        yield build("deterministic", size, "dual step, deterministic")
    for size in select_sizes(PROFILED):
        yield build("profile", size, "profile")
    for masking in MASKINGS:
        for size in sizes:
            yield build("compiled", size, f"{masking} compiled", masking)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write; without a device say so and end with 2."""
    options = build_parser().parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("bench-gpu measures a CUDA device and torch sees none here.", file=sys.stderr)
        return NO_DEVICE
    end = options.end or time.monotonic() + options.seconds
    clock = TimeBudget(options.kinds, end=end - _SPARE_SECONDS)
    runtime = prepare_runtime(
        RuntimeConfig(device=options.device, precision="bf16", deterministic=False)
    )
    folder = resolve_output_dir(options)
    bench = GpuBench(runtime, clock, folder=folder, largest_batch=options.largest_batch)
    print(describe_machine(runtime.device), flush=True)
    bench.run(list(list_measurements(bench, options.sizes, side=options.side)))
    print(f"{format_markdown(bench.report)}\nnumbers in {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
