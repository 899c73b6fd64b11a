"""What is measured on a GPU, one thing after the other, each kept as soon as it is known."""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch

from videomae2.base.text import format_count
from videomae2.commands.bench.gpu import TimeBudget
from videomae2.commands.bench.gpu_profile import profile_step
from videomae2.commands.bench.machine import describe_machine, measure_peak
from videomae2.commands.bench.model import (
    Baseline,
    BenchCase,
    StepRunner,
    StepTiming,
    measure_step,
    random_clips,
)
from videomae2.commands.bench.report import (
    GpuReport,
    format_peak_table,
    format_step_table,
    write_report,
)
from videomae2.training.runtime import Runtime, set_deterministic

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One thing to measure."""

    name: str
    kind: str
    work: Callable[[], None]


class GpuBench:
    """The measurements and their report."""

    def __init__(
        self, runtime: Runtime, clock: TimeBudget, *, folder: Path, largest_batch: int
    ) -> None:
        self.runtime, self.clock = runtime, clock
        self.report = GpuReport(describe_machine(runtime.device))
        self.works: dict[str, Callable[[BenchCase], None]] = {
            "step": self.step,
            "largest": self.largest,
            "transformers": self.transformers,
            "deterministic": self.deterministic,
            "profile": self.profile,
            "compiled": self.compiled,
        }
        """What makes a measurement of a kind."""
        self._folder, self._largest_batch = folder, largest_batch
        self._until = 0.0
        self._broken = False

    def run(self, plan: Sequence[Measurement]) -> None:
        """Make the measurements that are wanted, and keep the report after each."""
        remaining = [one for one in plan if self.clock.is_requested(one.kind)]
        while remaining:
            title, kind = remaining[0].name, remaining[0].kind
            self.report.unfinished = [measurement.name for measurement in remaining]
            if self._broken or not self.clock.has_time_for(kind):
                why = "the device failed before it" if self._broken else "no time left"
                self.report.skipped.append(f"{title}: {why}")
            else:
                write_report(self.report, self._folder)
                num_of_kind = sum(measurement.kind == kind for measurement in remaining)
                self._until = self.clock.deadline_for(kind, num_of_kind)
                self._run_guarded(title, remaining[0].work)
                self._run_guarded(f"memory after {title}", free_device_memory, last=True)
            del remaining[0]
        self.report.unfinished = []
        write_report(self.report, self._folder)

    def _run_guarded(self, title: str, work: Callable[[], None], *, last: bool = False) -> None:
        """Let a failure, of a compiler say, cost itself alone; or, where it must work, the rest."""
        try:
            work()
        except Exception as error:
            reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            out_of_memory = isinstance(error, torch.OutOfMemoryError)
            self.report.skipped.append(f"{title}: {'does not fit' if out_of_memory else reason}")
            self._broken = last

    def _halve_until_fits(self, case: BenchCase, work: Callable[[BenchCase], T]) -> T:
        """Halve the batch until it fits, and say so."""
        while case.batch_size > 1:
            try:
                return work(case)
            except torch.OutOfMemoryError:
                halved = replace(case, batch_size=case.batch_size // 2)
            free_device_memory()  # not before the error is gone, which holds on to what it saw
            what = f"{case.size} {case.masking}"
            self.report.remarks.append(
                f"{what}: {format_count(case.batch_size, 'clip')} do not fit, "
                f"{halved.batch_size} tried"
            )
            case = halved
        return work(case)

    def measure_peaks(self, shape: tuple[int, int, int] | None) -> None:
        """The machine's matrix products."""
        shapes = None if shape is None else (shape,)
        for dtype in (torch.bfloat16, torch.float32):
            self.report.peaks.append(measure_peak(self.runtime.device, dtype, shapes=shapes))
        print(format_peak_table(self.report.peaks), flush=True)

    def step(self, case: BenchCase) -> None:
        """Time steps as they come."""
        self.report.steps.append(self._measure(case))

    def compiled(self, case: BenchCase) -> None:
        """Time steps with compiled blocks."""
        self.report.steps.append(self._measure(case, compiled=True))

    def deterministic(self, case: BenchCase) -> None:
        """Time steps with kernels that give the same bits every time."""
        set_deterministic(True)
        try:
            self.step(case)
        finally:
            set_deterministic(False)

    def transformers(self, case: BenchCase) -> None:
        """Time steps of transformers' model."""
        try:
            from videomae2.commands.bench.transformers_baseline import TRANSFORMERS_BASELINE
        except ImportError:
            self.report.skipped.append("comparison with transformers: it is not installed")
            return
        timing = self._measure(case, baseline=TRANSFORMERS_BASELINE)
        self.report.baseline_steps.append(replace(timing, masking=f"{case.masking}, transformers"))

    def _measure(
        self, case: BenchCase, *, compiled: bool = False, baseline: Baseline | None = None
    ) -> StepTiming:
        cuda = self.runtime.device.type == "cuda"
        dtype = {"bf16": "bfloat16", "fp32": "float32"}[self.runtime.precision]
        rates = [peak.flops_per_second for peak in self.report.peaks if peak.dtype == dtype]
        timing = self._halve_until_fits(
            case,
            lambda case: measure_step(
                case,
                replace(self.runtime, compile=compiled),
                repeats=5 if cuda else 2,
                warmups=2 if cuda else 1,
                steps_per_timing=4 if cuda else 1,
                peak=rates[0] if rates else None,
                baseline=baseline,
            ),
        )
        print(f"{case.size}: {format_step_table([timing]).splitlines()[1]}", flush=True)
        return timing

    def largest(self, case: BenchCase) -> None:
        """Find the largest batch that fits, and what it gives."""
        runner = StepRunner(replace(case, batch_size=1), self.runtime)
        seconds: dict[int, float] = {}

        def works(batch: int) -> bool:
            try:
                seconds[batch] = _time_second_step(runner, replace(case, batch_size=batch))
            except torch.OutOfMemoryError:
                runner.optimizer.zero_grad()
            else:
                return True
            free_device_memory()
            return False

        max_batch = self._largest_batch
        is_over = lambda: time.monotonic() > self._until  # noqa: E731
        batch = find_largest(works, first=case.batch_size, upper_limit=max_batch, is_over=is_over)
        row = {
            "size": case.size,
            "masking": case.masking,
            "batch": batch,
            "clips_per_second": batch / seconds[batch] if batch else 0.0,
            "limited_by": "the search" if batch >= max_batch else "time" if is_over() else "memory",
        }
        self.report.largest.append(row)
        print(f"{case.size}: largest batch {batch}, {row['clips_per_second']:.0f} clips/s")

    def profile(self, case: BenchCase) -> None:
        """Where the device's time goes, kernel by kernel."""
        title = f"{case.size} {case.masking}"
        rows = self._halve_until_fits(
            case, lambda case: (case.batch_size, profile_step(StepRunner(case, self.runtime)))
        )
        self.report.profiles[f"{title}, {rows[0]} clips"] = rows[1]


def _time_second_step(runner: StepRunner, case: BenchCase) -> float:
    """Seconds of the second of two steps of another batch."""
    runner.clips = random_clips(case, runner.runtime.device)
    for _ in range(2):
        started = time.perf_counter()
        runner.step().loss.item()
        seconds = time.perf_counter() - started
    return seconds


def free_device_memory() -> None:
    """Give the device's memory back; fails if the device does not answer any more."""
    gc.collect()
    torch.compiler.reset()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        torch.cuda.empty_cache()


def find_largest(
    works: Callable[[int], bool], *, first: int, upper_limit: int, is_over: Callable[[], bool]
) -> int:
    """The largest batch that works, to about a tenth; 0 if none does.

    Doubles while it works, halves while it does not, then narrows what lies between.
    """
    largest_working, smallest_failing = 0, upper_limit + 1
    batch = min(first, upper_limit)
    while smallest_failing - largest_working > max(1, largest_working // 10) and not is_over():
        if works(batch):
            largest_working = batch
        else:
            smallest_failing = batch
        if smallest_failing > upper_limit:
            batch = min(2 * largest_working, upper_limit)
            if batch == largest_working:
                break
        else:
            batch = (largest_working + smallest_failing) // 2
        if batch == 0:
            break
    return largest_working
