"""What a run does beside its steps: logging, validation, probes, caches."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from videomae2.base.signals import SignalHandler
from videomae2.training.ema import EMA
from videomae2.training.metrics_buffer import LogWindow


@dataclass(frozen=True, slots=True)
class CallbackContext:
    """What a callback needs to look at a model while it learns."""

    task: nn.Module
    ema: EMA | None
    log_values: Callable[[int, dict[str, float]], None]
    """Logs numbers by their full names of the weights after a step (counted from 0)."""
    first_step: int
    signals: SignalHandler


class Callback:
    """Is told how many steps are done; does nothing by itself, a subclass says what it does.

    The weights are left alone.
    """

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
