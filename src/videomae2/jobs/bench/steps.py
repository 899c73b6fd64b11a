"""What a step costs and how near it comes to the machine's limit."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import torch

from videomae2.engine.runtime import Runtime
from videomae2.jobs.bench.machine import highest_memory_gib, reset_peak_memory
from videomae2.jobs.bench.model import Rival, StepCase, Stepper


@dataclass(frozen=True, kw_only=True, slots=True)
class StepNumbers:
    """What a step costs."""

    size: str
    masking: str
    precision: str
    compiled: bool
    deterministic: bool
    """Whether kernels had to give the same bits every time."""
    batch: int
    repeats: int
    median_seconds: float
    least_seconds: float
    most_seconds: float
    clips_per_second: float
    flops_per_second: float
    """Of the products of forward and backward; computing activations again does not count."""
    share_of_peak: float | None
    """Of the rate of plain matrix products in the same precision."""
    memory_gib: float
    """The most at one time: of the device, or of the process on a CPU."""


def measure_step(
    case: StepCase,
    runtime: Runtime,
    *,
    repeats: int = 7,
    warmups: int = 2,
    in_row: int = 1,
    peak: float | None = None,
    rival: Rival | None = None,
) -> StepNumbers:
    """Time whole steps.

    Args:
        case: What to train.
        runtime: Where and how.
        repeats: Timings that count.
        warmups: Timings before them.
        in_row: Steps of a timing; a GPU is kept busy only if nobody waits between steps.
        peak: Operations per second of plain products, to compare with.
        rival: Another's model, to compare with; ours if not given.
    """
    reset_peak_memory(runtime.device)
    stepper = Stepper(case, runtime, rival)
    times = list(step_seconds(stepper, warmups + repeats, in_row=in_row))[warmups:]
    typical = median(times)
    rate = stepper.flops / typical
    return StepNumbers(
        size=case.size,
        masking=case.masking,
        precision=runtime.precision,
        compiled=runtime.compile,
        deterministic=torch.are_deterministic_algorithms_enabled(),
        batch=case.batch,
        repeats=repeats,
        median_seconds=typical,
        least_seconds=min(times),
        most_seconds=max(times),
        clips_per_second=case.batch / typical,
        flops_per_second=rate,
        share_of_peak=rate / peak if peak else None,
        memory_gib=highest_memory_gib(runtime),
    )


def step_seconds(stepper: Stepper, timings: int, *, in_row: int = 1) -> Iterator[float]:
    """Wall seconds of a step, several times; the device is waited for after each ``in_row``."""
    for _ in range(timings):
        started = time.perf_counter()
        for _ in range(in_row):
            result = stepper.step()
        if not result.loss.isfinite().item():  # waits for the device
            raise FloatingPointError("the loss of a measured step is not finite")
        if stepper.runtime.device.type == "cuda":
            torch.cuda.synchronize(stepper.runtime.device)
        yield (time.perf_counter() - started) / in_row
