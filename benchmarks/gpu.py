"""Pre-training steps on a CUDA device: sizes, exact and lean, compiled or not, largest batches.

Needs torch, numpy, einops, jaxtyping and safetensors only. Ends within eight minutes: what the
time does not suffice for is left out and said. Writes gpu.json and gpu.md to $OUT, or to
scratch/bench-gpu.

    make bench-gpu
    PYTHONPATH=src python3 benchmarks/gpu.py --sizes base --seconds 120
"""

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")  # before torch

import torch
from torch.profiler import ProfilerActivity, profile

from videomae2.engine.runtime import Runtime, RuntimeConfig, prepare
from videomae2.jobs.bench.machine import describe
from videomae2.jobs.bench.model import (
    MaskingName,
    StepCase,
    StepNumbers,
    Stepper,
    made_up_clips,
    measure_step,
)
from videomae2.jobs.bench.peak import Peak, measure_peak
from videomae2.jobs.bench.tables import peak_table, step_table
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

LONGEST_SECONDS = {"step": 25.0, "compiled": 70.0, "largest": 60.0, "profile": 25.0}
"""What is assumed that a measurement may take; it is not begun with less time left."""

MASKINGS: tuple[MaskingName, ...] = ("dual", "lean", "v1")
PROFILED: tuple[SizeName, ...] = ("base", "giant")
NO_DEVICE = 2


@dataclass
class Report:
    """All that was found, and what was left out."""

    machine: dict[str, Any]
    peaks: list[Peak] = field(default_factory=list)
    steps: list[StepNumbers] = field(default_factory=list)
    largest: list[dict[str, Any]] = field(default_factory=list)
    profiles: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


class Bench:
    """The measurements, against a clock."""

    def __init__(
        self, runtime: Runtime, *, kinds: Sequence[str], seconds: float, largest_batch: int
    ) -> None:
        self.runtime, self.kinds = runtime, kinds
        self.report = Report(asdict(describe(runtime.device)))
        self.largest_batch = largest_batch
        self._end = time.monotonic() + seconds
        self._peak: float | None = None

    def measure_peaks(self, shapes: tuple[tuple[int, int, int], ...] | None) -> None:
        """The machine's matrix products."""
        for dtype in (torch.bfloat16, torch.float32):
            self.report.peaks.append(measure_peak(self.runtime.device, dtype, shapes=shapes))
        precisions = {"bf16": 0, "fp32": 1}
        self._peak = self.report.peaks[precisions[self.runtime.precision]].flops_per_second
        print(peak_table(self.report.peaks), flush=True)

    def run(self, title: str, kind: str, work: Callable[[], None]) -> None:
        """Do a measurement if it is wanted and there is time for it."""
        if kind not in self.kinds:
            return
        if time.monotonic() + LONGEST_SECONDS[kind] > self._end:
            self.report.left_out.append(f"{title}: no time left")
            return
        try:
            work()
        except torch.OutOfMemoryError:
            self.report.left_out.append(f"{title}: does not fit")
        except Exception as error:  # one that fails, a compiler's say, must not cost the others
            reason = (str(error).splitlines() or [""])[0]
            self.report.left_out.append(f"{title}: {type(error).__name__}: {reason}")
        tidy()

    def step(self, case: StepCase, *, compiled: bool) -> None:
        """Time steps of one kind."""
        cuda = self.runtime.device.type == "cuda"
        numbers = measure_step(
            case,
            replace(self.runtime, compile=compiled),
            repeats=5 if cuda else 2,
            warmups=2 if cuda else 1,
            in_row=4 if cuda else 1,
            peak=self._peak,
        )
        self.report.steps.append(numbers)
        print(f"{case.size}: {step_table([numbers]).splitlines()[1]}", flush=True)

    def largest(self, case: StepCase) -> None:
        """Find the largest batch that fits, and what it gives."""
        stepper = Stepper(case, self.runtime)
        end = min(self._end, time.monotonic() + LONGEST_SECONDS["largest"])
        found: dict[int, float] = {}

        def works(batch: int) -> bool:
            """Two steps of this batch; the second is timed."""
            stepper.clips = made_up_clips(replace(case, batch=batch), self.runtime.device)
            try:
                for _ in range(2):
                    started = time.perf_counter()
                    stepper.step().loss.item()
                    found[batch] = time.perf_counter() - started
            except torch.OutOfMemoryError:
                stepper.optimizer.zero_grad()
                found.pop(batch, None)
                tidy()
                return False
            return True

        batch = largest_that(
            works, first=case.batch, most=self.largest_batch, until=lambda: time.monotonic() > end
        )
        row = {
            "size": case.size,
            "masking": case.masking,
            "batch": batch,
            "clips_per_second": batch / found[batch] if batch else 0.0,
            "limited_by": "the search" if batch >= self.largest_batch else "memory or time",
        }
        self.report.largest.append(row)
        print(f"{case.size}: largest batch {batch}, {row['clips_per_second']:.0f} clips/s")

    def profile(self, case: StepCase, *, rows: int = 15) -> None:
        """Where the device's time goes, kernel by kernel."""
        stepper = Stepper(case, self.runtime)
        cuda = self.runtime.device.type == "cuda"
        for _ in range(2):
            stepper.step().loss.item()
        kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
        with profile(activities=kinds) as found:
            for _ in range(2):
                stepper.step().loss.item()
        name = "self_device_time_total" if cuda else "self_cpu_time_total"
        times = {event.key: cast(float, getattr(event, name)) for event in found.key_averages()}
        if cuda:  # kernels only: operators repeat the time of theirs
            kernels = {e.key for e in found.key_averages() if "CUDA" in str(e.device_type)}
            times = {key: spent for key, spent in times.items() if key in kernels}
        whole = sum(times.values()) or 1.0
        most = sorted(times.items(), key=lambda item: -item[1])[:rows]
        self.report.profiles[f"{case.size} {case.masking}, {case.batch} clips"] = [
            {"kernel": key[:120], "ms_per_step": spent / 2000, "share": spent / whole}
            for key, spent in most
        ]


def largest_that(
    works: Callable[[int], bool], *, first: int, most: int, until: Callable[[], bool]
) -> int:
    """The largest batch that works, to about a tenth; 0 if none does.

    Doubles while it works, halves while it does not, then narrows what lies between.
    """
    good, bad = 0, most + 1
    batch = min(first, most)
    while bad - good > max(1, good // 10) and not until():
        if works(batch):
            good = batch
        else:
            bad = batch
        if bad > most:
            batch = min(2 * good, most)
            if batch == good:
                break
        else:
            batch = (good + bad) // 2
        if batch == 0:
            break
    return good


def tidy() -> None:
    """Give the device's memory back."""
    gc.collect()
    torch.compiler.reset()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


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
    for size in [size for size in sizes if size in PROFILED] or sizes:
        bench.run(f"{size} profile", "profile", partial(bench.profile, case(size)))
    for size in sizes:
        steps(size, compiled=True)
    for size in reversed(sizes):
        bench.run(f"{size} largest", "largest", partial(bench.largest, case(size)))


def markdown(report: Report) -> str:
    """The report as a page."""
    machine = report.machine
    lines = [
        f"{machine['device']}, torch {machine['torch']}, {machine['date']}, "
        f"commit {machine['commit'] or 'unknown'}",
        "",
        *(
            f"- {peak.dtype} matrix products: {peak.flops_per_second / 1e12:.1f} TFLOP/s "
            f"({'x'.join(map(str, peak.shape))})"
            for peak in report.peaks
        ),
        "",
        "| size | masking | compiled | batch | ms/step | clips/s | TFLOP/s | of peak | GiB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for step in report.steps:
        share = "-" if step.share_of_peak is None else f"{step.share_of_peak:.0%}"
        lines.append(
            f"| {step.size} | {step.masking} | {'yes' if step.compiled else 'no'} | {step.batch} "
            f"| {1000 * step.median_seconds:.1f} | {step.clips_per_second:,.0f} "
            f"| {step.flops_per_second / 1e12:.2f} | {share} | {step.memory_gib:.1f} |"
        )
    if report.largest:
        lines += ["", "| size | largest batch | clips/s there |", "|---|---|---|"]
        lines += [
            f"| {row['size']} | {row['batch']} | {row['clips_per_second']:,.0f} |"
            for row in report.largest
        ]
    for title, rows in report.profiles.items():
        lines += [
            "",
            f"Most of a step of {title}:",
            "",
            "| ms/step | share | kernel |",
            "|---|---|---|",
        ]
        lines += [
            f"| {row['ms_per_step']:.2f} | {row['share']:.1%} | `{row['kernel']}` |" for row in rows
        ]
    if report.left_out:
        lines += ["", "Left out: " + "; ".join(report.left_out) + "."]
    return "\n".join(lines) + "\n"


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
