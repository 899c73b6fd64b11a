"""How training runs, for any task: steps, reports, saves, wishes to stop."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from torch.optim import AdamW

from videomae2.engine.averages import RunningMean
from videomae2.engine.optim import has_moved
from videomae2.engine.readout import Meter, StepRecord
from videomae2.engine.runtime import Runtime
from videomae2.engine.signals import Wishes
from videomae2.engine.step import Task, train_step
from videomae2.errors import CheckpointError, Interrupted
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


@dataclass(frozen=True, slots=True)
class Report:
    """Some steps, and how the time between went."""

    records: Sequence[StepRecord]
    seconds: float
    waited: float
    """Of these seconds, waiting for data."""


class _StepAbandoned(Exception):  # noqa: N818 - it is no fault
    """Somebody asked to stop in the middle of a step; a step may outlast a grace period."""


@dataclass(slots=True)
class _Supply:
    """Hands out the parts of a step, and notes who they were and how long they kept us waiting."""

    parts: Iterator[Part]
    accumulate: int
    wishes: Wishes
    since: float = field(default_factory=time.perf_counter)
    waited: float = 0.0
    clips: int = 0
    unreadable: int = 0
    samples: list[str] = field(default_factory=list)

    def step(self) -> Iterator[Clips]:
        self.clips, self.unreadable, self.samples = 0, 0, []
        for number in range(self.accumulate):
            if number and self.wishes.stop is not None:
                raise _StepAbandoned
            started = time.perf_counter()
            part = next(self.parts)
            self.waited += time.perf_counter() - started
            self.clips += len(part.clips.keys)
            self.unreadable += part.unreadable
            self.samples += part.samples
            yield part.clips

    def look(self, watch: Callable[[int], None], done: int) -> None:
        """Let somebody look at the weights; the clock stands still."""
        started = time.perf_counter()
        watch(done)
        self.since += time.perf_counter() - started

    def lap(self, records: Sequence[StepRecord]) -> Report:
        now = time.perf_counter()
        report = Report(records, now - self.since, self.waited)
        self.since, self.waited = now, 0.0
        return report


@dataclass(slots=True)
class _Keeper:
    """Reports and saves, and knows what is saved."""

    meter: Meter
    supply: _Supply
    report: Callable[[Report], None]
    save: Callable[[int], None]
    say: Callable[[str], None]
    saved: int

    def read_out(self) -> None:
        """Report the steps since the last time; the one wait for the device."""
        records = self.meter.read()
        if records:
            self.report(self.supply.lap(records))
            self.meter.check(records)

    def try_to_save(self, done: int) -> None:
        """Save; a failure is said, and survived until the next time."""
        try:
            self.must_save(done)
        except CheckpointError as error:
            self.say(f"{error}; training goes on, the next try is at the next save")

    def must_save(self, done: int) -> None:
        self.save(done)
        self.saved = done

    def stop(self, done: int, asked: str) -> NoReturn:
        """Save what is not saved yet, and end; a step that was begun is forgotten."""
        self.read_out()
        if self.saved != done:
            try:
                self.must_save(done)
            except CheckpointError as error:
                raise CheckpointError(f"asked to stop by {asked}, but {error}") from error
        state = f"saved at step {done}" if done else "the first step was not done yet"
        raise Interrupted(f"asked to stop by {asked}; {state}")


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
    say: Callable[[str], None],
    wishes: Wishes,
    mean: RunningMean | None = None,
    watch: Callable[[int], None] | None = None,
) -> None:
    """Train from ``first_step`` to ``plan.steps``; what a step computes depends on nothing else.

    ``watch`` is told how many steps are done after each of them, before anything is saved: what it
    looks at is looked at again if the run is stopped before. It must leave the weights alone; its
    time counts as nobody's.

    Raises:
        Interrupted: After saving, when asked to stop.
        CheckpointError: When the last state could not be saved.
        NonFiniteLossError: When too many steps in a row had to be skipped, or all of a run.
    """
    meter, supply = Meter(plan.max_bad_steps), _Supply(parts, plan.accumulate, wishes)
    keeper = _Keeper(meter, supply, report, save, say, saved=first_step)
    for step in range(first_step, plan.steps):
        lr = plan.lr(step)
        try:
            result = train_step(
                task, optimizer, supply.step(), lr=lr, clip_norm=plan.clip_norm, runtime=runtime
            )
        except _StepAbandoned:
            assert wishes.stop is not None
            keeper.stop(step, wishes.stop.name)
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
        if watch is not None:
            supply.look(watch, done)
        if done == plan.steps:
            keeper.read_out()
            if not has_moved(optimizer):
                raise meter.nothing_learnt()
            keeper.must_save(done)
        elif wishes.stop is not None:
            keeper.stop(done, wishes.stop.name)
        elif wishes.take_save() or done % plan.save_every == 0:
            keeper.read_out()
            keeper.try_to_save(done)
        elif done % plan.log_every == 0:
            keeper.read_out()
