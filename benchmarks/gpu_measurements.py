"""What is measured on a GPU, one thing after the other, each kept as soon as it is known."""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

import torch
from gpu_clock import Clock, Measurement
from gpu_profile import step_profile
from gpu_report import Report, write
from gpu_search import largest_that

from videomae2.engine.runtime import Runtime, use_deterministic_kernels
from videomae2.jobs.bench.machine import describe
from videomae2.jobs.bench.model import Rival, StepCase, Stepper, made_up_clips
from videomae2.jobs.bench.peak import measure_peak
from videomae2.jobs.bench.steps import StepNumbers, measure_step
from videomae2.jobs.bench.tables import peak_table, step_table

T = TypeVar("T")


class Bench:
    """The measurements and their report."""

    def __init__(self, runtime: Runtime, clock: Clock, *, folder: Path, largest_batch: int) -> None:
        self.runtime, self.clock = runtime, clock
        self.report = Report(asdict(describe(runtime.device)))
        self.works: dict[str, Callable[[StepCase], None]] = {
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
        wanted = [one for one in plan if self.clock.wants(one.kind)]
        for number, one in enumerate(wanted):
            rest = wanted[number:]
            self.report.unfinished = [other.title for other in rest]
            if self._broken or not self.clock.suffices(one.kind):
                why = "the device failed before it" if self._broken else "no time left"
                self.report.left_out.append(f"{one.title}: {why}")
                continue
            write(self.report, self._folder)
            self._until = self.clock.share(one.kind, sum(r.kind == one.kind for r in rest))
            self._guarded(one.title, one.work)
            self._guarded(f"memory after {one.title}", tidy, last=True)
        self.report.unfinished = []
        write(self.report, self._folder)

    def _guarded(self, title: str, work: Callable[[], None], *, last: bool = False) -> None:
        """Let a failure, of a compiler say, cost itself alone; or, where it must work, the rest."""
        try:
            work()
        except Exception as error:
            reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            full = isinstance(error, torch.OutOfMemoryError)
            self.report.left_out.append(f"{title}: {'does not fit' if full else reason}")
            self._broken = last

    def _fitting(self, case: StepCase, work: Callable[[StepCase], T]) -> T:
        """Halve the batch until it fits, and say so."""
        while case.batch > 1:
            try:
                return work(case)
            except torch.OutOfMemoryError:
                halved = replace(case, batch=case.batch // 2)
            tidy()  # not before the error is gone, which holds on to what it saw
            what = f"{case.size} {case.masking}"
            self.report.notes.append(f"{what}: {case.batch} clips do not fit, {halved.batch} tried")
            case = halved
        return work(case)

    def measure_peaks(self, shape: tuple[int, int, int] | None) -> None:
        """The machine's matrix products."""
        shapes = None if shape is None else (shape,)
        for dtype in (torch.bfloat16, torch.float32):
            self.report.peaks.append(measure_peak(self.runtime.device, dtype, shapes=shapes))
        print(peak_table(self.report.peaks), flush=True)

    def step(self, case: StepCase) -> None:
        """Time steps as they come."""
        self.report.steps.append(self._measure(case))

    def compiled(self, case: StepCase) -> None:
        """Time steps with compiled blocks."""
        self.report.steps.append(self._measure(case, compiled=True))

    def deterministic(self, case: StepCase) -> None:
        """Time steps with kernels that give the same bits every time."""
        use_deterministic_kernels(True)
        try:
            self.step(case)
        finally:
            use_deterministic_kernels(False)

    def transformers(self, case: StepCase) -> None:
        """Time steps of transformers' model."""
        try:
            from their_model import TRANSFORMERS
        except ImportError:
            self.report.left_out.append("comparison with transformers: it is not installed")
            return
        numbers = self._measure(case, rival=TRANSFORMERS)
        self.report.theirs.append(replace(numbers, masking=f"{case.masking}, transformers"))

    def _measure(
        self, case: StepCase, *, compiled: bool = False, rival: Rival | None = None
    ) -> StepNumbers:
        cuda = self.runtime.device.type == "cuda"
        numbers = self._fitting(
            case,
            lambda case: measure_step(
                case,
                replace(self.runtime, compile=compiled),
                repeats=5 if cuda else 2,
                warmups=2 if cuda else 1,
                in_row=4 if cuda else 1,
                peak=self._peak(),
                rival=rival,
            ),
        )
        print(f"{case.size}: {step_table([numbers]).splitlines()[1]}", flush=True)
        return numbers

    def _peak(self) -> float | None:
        dtype = {"bf16": "bfloat16", "fp32": "float32"}[self.runtime.precision]
        return next((p.flops_per_second for p in self.report.peaks if p.dtype == dtype), None)

    def largest(self, case: StepCase) -> None:
        """Find the largest batch that fits, and what it gives."""
        stepper = Stepper(replace(case, batch=1), self.runtime)
        found: dict[int, float] = {}

        def works(batch: int) -> bool:
            try:
                found[batch] = _second_step(stepper, replace(case, batch=batch))
            except torch.OutOfMemoryError:
                stepper.optimizer.zero_grad()
            else:
                return True
            tidy()
            return False

        most = self._largest_batch
        over = lambda: time.monotonic() > self._until  # noqa: E731
        batch = largest_that(works, first=case.batch, most=most, until=over)
        row = {
            "size": case.size,
            "masking": case.masking,
            "batch": batch,
            "clips_per_second": batch / found[batch] if batch else 0.0,
            "limited_by": "the search" if batch >= most else "time" if over() else "memory",
        }
        self.report.largest.append(row)
        print(f"{case.size}: largest batch {batch}, {row['clips_per_second']:.0f} clips/s")

    def profile(self, case: StepCase) -> None:
        """Where the device's time goes, kernel by kernel."""
        title = f"{case.size} {case.masking}"
        rows = self._fitting(
            case, lambda case: (case.batch, step_profile(Stepper(case, self.runtime)))
        )
        self.report.profiles[f"{title}, {rows[0]} clips"] = rows[1]


def _second_step(stepper: Stepper, case: StepCase) -> float:
    """Seconds of the second of two steps of another batch."""
    stepper.clips = made_up_clips(case, stepper.runtime.device)
    for _ in range(2):
        started = time.perf_counter()
        stepper.step().loss.item()
        seconds = time.perf_counter() - started
    return seconds


def tidy() -> None:
    """Give the device's memory back; fails if the device does not answer any more."""
    gc.collect()
    torch.compiler.reset()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
