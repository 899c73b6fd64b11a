"""How training runs, for any task: steps, reports, saves, requests to stop, and callbacks."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from torch import nn
from torch.optim import AdamW

from videomae2.base.signals import SignalHandler
from videomae2.errors import CheckpointError, Interrupted
from videomae2.training.ema import EMA
from videomae2.training.metrics_buffer import LogWindow, MetricsBuffer, StepRecord
from videomae2.training.optim import any_step_taken
from videomae2.training.prefetch import MicroBatch, MicroBatchIterator, StepAborted
from videomae2.training.runtime import Runtime
from videomae2.training.step import TrainingTask, train_step

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class CallbackContext:
    """What a callback needs to look at a model while it learns."""

    task: nn.Module
    ema: EMA | None
    log_values: Callable[[int, dict[str, float]], None]
    """Logs numbers by their full names of the weights after a step (counted from 0)."""
    first_step: int
    """Steps that are done; 0 if the run begins."""
    steps: int
    """Of the whole run."""
    runtime: Runtime
    signals: SignalHandler


class Callback:
    """Is told how many steps are done; a subclass says what it does, which changes no weights."""

    def attach(self, context: CallbackContext) -> None:
        """Begin, with the weights that the run begins or goes on with."""

    def on_step_end(self, step: int) -> None:
        """Look at the weights; the time this takes counts as nobody's.

        It comes before a save: what was looked at is looked at again if the run is stopped first.
        """

    def on_log(self, window: LogWindow) -> None:
        """Take the metrics of some steps."""

    def on_save(self, step: int) -> None:
        """Write what goes with a checkpoint, before it is written."""

    def on_end(self) -> None:
        """Finish, after the last checkpoint; a run that is stopped does not come here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopConfig:
    """How long a run is and when it reports and saves."""

    steps: int
    gradient_accumulation_steps: int
    lr_schedule: Callable[[int], float]
    clip_norm: float | None
    log_interval: int
    checkpoint_interval: int
    max_nonfinite_steps: int


@dataclass(slots=True)
class _LoopState:
    """Reports and saves, and knows what is saved."""

    metrics: MetricsBuffer
    micro_batches: MicroBatchIterator
    callbacks: Sequence[Callback]
    save: Callable[[int], None]
    last_saved_step: int

    def flush_metrics(self) -> None:
        """Report the steps since the last time; the one wait for the device."""
        records = self.metrics.pop_records()
        if records:
            window = self.micro_batches.window_stats(records)
            for callback in self.callbacks:
                callback.on_log(window)
            self.metrics.check_skipped(records)

    def save_checkpoint(self, steps_done: int) -> None:
        for callback in self.callbacks:
            callback.on_save(steps_done)
        self.save(steps_done)
        self.last_saved_step = steps_done

    def end_step(
        self, steps_done: int, config: LoopConfig, optimizer: AdamW, signals: SignalHandler
    ) -> None:
        """Do what is due after a step: end the run, stop, save, or report."""
        # before any save: what a callback looked at is looked at again after a stop
        with self.micro_batches.pause_clock():
            for callback in self.callbacks:
                callback.on_step_end(steps_done)
        if steps_done == config.steps:
            self.flush_metrics()
            if not any_step_taken(optimizer):
                raise self.metrics.no_update_error()
            self.metrics.check_end()
            self.save_checkpoint(steps_done)
            for callback in self.callbacks:
                callback.on_end()
        elif signals.stop_signal is not None:
            self.save_and_stop(steps_done, signals.stop_signal.name)
        elif signals.pop_save_request() or steps_done % config.checkpoint_interval == 0:
            self.flush_metrics()
            try:
                self.save_checkpoint(steps_done)
            except CheckpointError as error:
                _logger.warning(f"{error}; training goes on, the next try is at the next save")
        elif steps_done % config.log_interval == 0:
            self.flush_metrics()

    def save_and_stop(self, steps_done: int, signal_name: str) -> NoReturn:
        """Save what is not saved yet, and end; a step that was begun is forgotten.

        Where that fails, what was saved before is still there to go on from, if there is any.
        """
        self.flush_metrics()
        if self.last_saved_step != steps_done:
            try:
                self.save_checkpoint(steps_done)
            except CheckpointError as error:
                error_type = Interrupted if self.last_saved_step else CheckpointError
                raise error_type(f"asked to stop by {signal_name}, but {error}") from error
        state = f"saved at step {steps_done}" if steps_done else "the first step was not done yet"
        raise Interrupted(f"asked to stop by {signal_name}; {state}")


def fit(
    task: TrainingTask,
    optimizer: AdamW,
    micro_batches: Iterator[MicroBatch],
    config: LoopConfig,
    *,
    first_step: int,
    runtime: Runtime,
    signals: SignalHandler,
    save: Callable[[int], None],
    callbacks: Sequence[Callback] = (),
    ema: EMA | None = None,
) -> None:
    """Train from ``first_step`` to ``config.steps``; what a step computes depends on nothing else.

    ``micro_batches`` are those of all steps from there; ``save`` is told how many steps are done.

    Raises:
        Interrupted: After saving, when asked to stop; if that fails, with an earlier checkpoint.
        CheckpointError: When the last state could not be saved, or nothing at all when asked to
            stop.
        NonFiniteLossError: When too many steps in a row had to be skipped, the last ones, or all.
    """
    iterator = MicroBatchIterator(micro_batches, config.gradient_accumulation_steps, signals)
    metrics = MetricsBuffer(config.max_nonfinite_steps)
    state = _LoopState(metrics, iterator, callbacks, save, last_saved_step=first_step)
    if signals.stop_signal is not None and first_step < config.steps:
        state.save_and_stop(first_step, signals.stop_signal.name)
    for step in range(first_step, config.steps):
        lr = config.lr_schedule(step)
        try:
            parts, clip_norm = iterator.iterate_step(), config.clip_norm
            result = train_step(task, optimizer, parts, lr=lr, clip_norm=clip_norm, runtime=runtime)
        except StepAborted:
            assert signals.stop_signal is not None
            state.save_and_stop(step, signals.stop_signal.name)
        if ema is not None:
            ema.update()
        record = StepRecord(
            step, lr, iterator.num_clips, iterator.num_unreadable, tuple(iterator.samples)
        )
        state.metrics.add(result, record)
        state.end_step(step + 1, config, optimizer, signals)
