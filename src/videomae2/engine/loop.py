"""How training runs, for any task: steps, reports, saves, wishes to stop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from torch.optim import AdamW

from videomae2.engine.averages import RunningMean
from videomae2.engine.optim import has_moved
from videomae2.engine.readout import Meter
from videomae2.engine.runtime import Runtime
from videomae2.engine.signals import Wishes
from videomae2.engine.step import StepResult, Task, train_step
from videomae2.engine.supply import Part, Report, StepAbandoned, Supply
from videomae2.errors import CheckpointError, Interrupted


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


@dataclass(slots=True)
class _Keeper:
    """Reports and saves, and knows what is saved."""

    meter: Meter
    supply: Supply
    report: Callable[[Report], None]
    save: Callable[[int], None]
    say: Callable[[str], None]
    saved: int

    def note(self, step: int, result: StepResult, lr: float) -> None:
        """Take what a step gave, without a wait for the device."""
        supply = self.supply
        self.meter.add(
            step,
            result,
            lr=lr,
            clips=supply.clips,
            unreadable=supply.unreadable,
            samples=supply.samples,
        )

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

    def after(self, done: int, plan: Plan, optimizer: AdamW, wishes: Wishes) -> None:
        """Do what is due after a step: end the run, stop, save, or report."""
        if done == plan.steps:
            self.read_out()
            if not has_moved(optimizer):
                raise self.meter.nothing_learnt()
            self.must_save(done)
        elif wishes.stop is not None:
            self.stop(done, wishes.stop.name)
        elif wishes.take_save() or done % plan.save_every == 0:
            self.read_out()
            self.try_to_save(done)
        elif done % plan.log_every == 0:
            self.read_out()

    def stop(self, done: int, asked: str) -> NoReturn:
        """Save what is not saved yet, and end; a step that was begun is forgotten.

        Where that fails, what was saved before is still there to go on from, if there is any.
        """
        self.read_out()
        if self.saved != done:
            try:
                self.must_save(done)
            except CheckpointError as error:
                kind = Interrupted if self.saved else CheckpointError
                raise kind(f"asked to stop by {asked}, but {error}") from error
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
        Interrupted: After saving, when asked to stop; if that fails, with an earlier checkpoint.
        CheckpointError: When the last state could not be saved, or nothing at all when asked to
            stop.
        NonFiniteLossError: When too many steps in a row had to be skipped, or all of a run.
    """
    supply = Supply(parts, plan.accumulate, wishes)
    keeper = _Keeper(Meter(plan.max_bad_steps), supply, report, save, say, saved=first_step)
    if wishes.stop is not None and first_step < plan.steps:
        keeper.stop(first_step, wishes.stop.name)
    for step in range(first_step, plan.steps):
        lr = plan.lr(step)
        try:
            result = train_step(
                task, optimizer, supply.step(), lr=lr, clip_norm=plan.clip_norm, runtime=runtime
            )
        except StepAbandoned:
            assert wishes.stop is not None
            keeper.stop(step, wishes.stop.name)
        if mean is not None:
            mean.update()
        keeper.note(step, result, lr)
        if watch is not None:
            supply.look(watch, step + 1)
        keeper.after(step + 1, plan, optimizer, wishes)
