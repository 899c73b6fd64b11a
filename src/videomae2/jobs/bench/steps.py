"""What a step costs and how near it comes to the machine's limit."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import torch

from videomae2.engine.runtime import Runtime
from videomae2.jobs.bench.machine import highest_memory_gib, reset_peak_memory
from videomae2.jobs.bench.model import Baseline, BenchCase, StepRunner


@dataclass(frozen=True, kw_only=True, slots=True)
class StepTiming:
    """What a step costs."""

    size: str
    masking: str
    precision: str
    compiled: bool
    deterministic: bool
    """Whether kernels had to give the same bits every time."""
    batch_size: int
    repeats: int
    median_seconds: float
    min_seconds: float
    max_seconds: float
    clips_per_second: float
    flops_per_second: float
    """Of the products of forward and backward; computing activations again does not count."""
    share_of_peak: float | None
    """Of the rate of plain matrix products in the same precision."""
    memory_limit_gib: float
    """The most at one time: of the device, or of the process on a CPU."""


def measure_step(
    case: BenchCase,
    runtime: Runtime,
    *,
    repeats: int = 7,
    warmups: int = 2,
    steps_per_timing: int = 1,
    peak: float | None = None,
    baseline: Baseline | None = None,
) -> StepTiming:
    """Time whole steps.

    Args:
        case: What to train.
        runtime: Where and how.
        repeats: Timings that count.
        warmups: Timings before them.
        steps_per_timing: Steps of a timing; a GPU is kept busy only if nobody waits between steps.
        peak: Operations per second of plain products, to compare with.
        baseline: Another's model, to compare with; ours if not given.
    """
    reset_peak_memory(runtime.device)
    runner = StepRunner(case, runtime, baseline)
    times = list(time_steps(runner, warmups + repeats, steps_per_timing=steps_per_timing))[warmups:]
    median_seconds = median(times)
    rate = runner.flops / median_seconds
    return StepTiming(
        size=case.size,
        masking=case.masking,
        precision=runtime.precision,
        compiled=runtime.compile,
        deterministic=torch.are_deterministic_algorithms_enabled(),
        batch_size=case.batch_size,
        repeats=repeats,
        median_seconds=median_seconds,
        min_seconds=min(times),
        max_seconds=max(times),
        clips_per_second=case.batch_size / median_seconds,
        flops_per_second=rate,
        share_of_peak=rate / peak if peak else None,
        memory_limit_gib=highest_memory_gib(runtime),
    )


def time_steps(runner: StepRunner, timings: int, *, steps_per_timing: int = 1) -> Iterator[float]:
    """Wall seconds of a step, several times; the device is waited for after each ``steps_per_timing``."""
    for _ in range(timings):
        started = time.perf_counter()
        for _ in range(steps_per_timing):
            result = runner.step()
        if not result.loss.isfinite().item():  # waits for the device
            raise FloatingPointError("the loss of a measured step is not finite")
        if runner.runtime.device.type == "cuda":
            torch.cuda.synchronize(runner.runtime.device)
        yield (time.perf_counter() - started) / steps_per_timing
