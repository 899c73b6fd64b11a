"""How training runs, for any task: steps, reports, saves, wishes to stop."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from torch.optim import AdamW

from videomae2.engine.averages import RunningMean
from videomae2.engine.readout import Meter, StepRecord
from videomae2.engine.runtime import Runtime
from videomae2.engine.signals import Wishes
from videomae2.engine.step import Task, train_step
from videomae2.errors import Interrupted
from videomae2.tensors.clips import Clips


@dataclass(frozen=True, slots=True)
class Part:
    """A micro-batch: clips on the device, and who they are."""

    clips: Clips
    samples: Sequence[str]
    unreadable: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How long a run is and when it reports and saves."""

    steps: int
    accumulate: int
    lr: Callable[[int], float]
    clip_norm: float | None
    log_every: int
    save_every: int
    max_bad_steps: int
    seed: int


@dataclass(frozen=True, slots=True)
class Report:
    """Some steps, and how the time between went."""

    records: Sequence[StepRecord]
    seconds: float
    waited: float
    """Of these seconds, waiting for data."""


@dataclass(slots=True)
class _Supply:
    """Hands out the parts of a step, and notes who they were and how long they kept us waiting."""

    parts: Iterator[Part]
    accumulate: int
    since: float = field(default_factory=time.perf_counter)
    waited: float = 0.0
    clips: int = 0
    unreadable: int = 0
    samples: list[str] = field(default_factory=list)

    def step(self) -> Iterator[Clips]:
        self.clips, self.unreadable, self.samples = 0, 0, []
        for _ in range(self.accumulate):
            started = time.perf_counter()
            part = next(self.parts)
            self.waited += time.perf_counter() - started
            self.clips += len(part.clips.keys)
            self.unreadable += part.unreadable
            self.samples += part.samples
            yield part.clips

    def lap(self, records: Sequence[StepRecord]) -> Report:
        now = time.perf_counter()
        report = Report(records, now - self.since, self.waited)
        self.since, self.waited = now, 0.0
        return report


def fit(
    task: Task,
    optimizer: AdamW,
    parts: Iterator[Part],
    plan: Plan,
    *,
    first_step: int,
    runtime: Runtime,
    report: Callable[[Report], None],
    save: Callable[[int], None],
    wishes: Wishes,
    mean: RunningMean | None = None,
) -> None:
    """Train from ``first_step`` to ``plan.steps``; what a step computes depends on nothing else.

    Raises:
        Interrupted: After saving, when asked to stop.
        NonFiniteLossError: When too many steps in a row had to be skipped.
    """
    meter, supply = Meter(plan.max_bad_steps), _Supply(parts, plan.accumulate)
    for step in range(first_step, plan.steps):
        lr = plan.lr(step)
        runtime.seed(plan.seed, step)
        result = train_step(
            task,
            optimizer,
            supply.step(),
            accumulate=plan.accumulate,
            lr=lr,
            clip_norm=plan.clip_norm,
            runtime=runtime,
        )
        if mean is not None:
            mean.update()
        meter.add(
            step,
            result,
            lr=lr,
            clips=supply.clips,
            unreadable=supply.unreadable,
            samples=supply.samples,
        )

        done = step + 1
        stopping = wishes.stop is not None
        last = done == plan.steps
        due_save = last or done % plan.save_every == 0 or wishes.take_save() or stopping
        if due_save or done % plan.log_every == 0:
            records = meter.read()  # the one wait for the device
            report(supply.lap(records))
            meter.check(records)
        if due_save:
            save(done)
        if wishes.stop is not None and stopping and not last:
            raise Interrupted(f"asked to stop by {wishes.stop.name}; saved at step {done}")
