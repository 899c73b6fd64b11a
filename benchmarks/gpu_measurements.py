"""What is measured on a GPU, against a clock."""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import cast

import torch
from gpu_report import Report
from torch.profiler import ProfilerActivity, profile

from videomae2.engine.runtime import Runtime
from videomae2.jobs.bench.machine import describe
from videomae2.jobs.bench.model import (
    StepCase,
    StepNumbers,
    Stepper,
    made_up_clips,
    measure_step,
)
from videomae2.jobs.bench.peak import measure_peak
from videomae2.jobs.bench.tables import peak_table, step_table
from videomae2.tensors.clips import Clips

LONGEST_SECONDS = {
    "step": 25.0,
    "transformers": 30.0,
    "compiled": 70.0,
    "largest": 60.0,
    "profile": 25.0,
}
"""What is assumed that a measurement may take; it is not begun with less time left."""


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
        numbers = self._measure(case, compiled=compiled)
        self.report.steps.append(numbers)

    def _measure(
        self,
        case: StepCase,
        *,
        compiled: bool,
        build: Callable[[Clips], torch.nn.Module] | None = None,
    ) -> StepNumbers:
        cuda = self.runtime.device.type == "cuda"
        numbers = measure_step(
            case,
            replace(self.runtime, compile=compiled),
            repeats=5 if cuda else 2,
            warmups=2 if cuda else 1,
            in_row=4 if cuda else 1,
            peak=self._peak,
            build=build,
        )
        print(f"{case.size}: {step_table([numbers]).splitlines()[1]}", flush=True)
        return numbers

    def transformers(self, case: StepCase) -> None:
        """Time steps of transformers' model."""
        try:
            from their_model import TheirTask
        except ImportError:
            self.report.left_out.append("comparison with transformers: it is not installed")
            return

        def build(clips: Clips) -> torch.nn.Module:
            return TheirTask(case, clips)

        numbers = self._measure(case, compiled=False, build=build)
        self.report.theirs.append(replace(numbers, masking=f"{case.masking}, transformers"))

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
