"""Metrics of steps, kept on the device and read out together: one wait for many steps."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from videomae2.base.text import format_count
from videomae2.errors import NonFiniteLossError
from videomae2.training.step import StepResult

_logger = logging.getLogger(__name__)
_MAX_SKIPPED_AT_END = 2  # which may be the fault of their videos; more are that of the weights


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What the log keeps of one step."""

    step: int
    lr: float
    num_clips: int
    num_unreadable: int
    samples: Sequence[str]
    """Names of the videos of the step; once its numbers are known, only of a skipped one."""
    loss: float = math.nan
    grad_norm: float = math.nan
    metrics: Mapping[str, float] = field(default_factory=dict)
    skipped: bool = False


class MetricsBuffer:
    """Collects the results of steps until somebody reads them."""

    def __init__(self, max_nonfinite_steps: int) -> None:
        self.max_nonfinite_steps = max_nonfinite_steps
        self._pending: list[tuple[StepResult, StepRecord]] = []
        self._skipped_in_row: list[StepRecord] = []

    def add(self, result: StepResult, record: StepRecord) -> None:
        """Note a step without waiting for its numbers, which its record still lacks."""
        self._pending.append((result, record))

    def pop_records(self) -> list[StepRecord]:
        """Wait for the device once and give the records of all steps since the last reading."""
        if not self._pending:
            return []
        stacked = []
        for result, _ in self._pending:
            values = [result.loss, result.grad_norm, result.nonfinite, *result.metrics.values()]
            stacked.append(torch.stack([value.detach().double() for value in values]))
        records = []
        for (result, record), row in zip(self._pending, torch.stack(stacked).tolist(), strict=True):
            loss, grad_norm, nonfinite, *values = row
            metrics = dict(zip(result.metrics, values, strict=True))
            numbers = {"loss": loss, "grad_norm": grad_norm, "metrics": metrics}
            samples = record.samples if nonfinite else ()
            records.append(replace(record, **numbers, skipped=bool(nonfinite), samples=samples))
        self._pending.clear()
        return records

    def check_skipped(self, records: Sequence[StepRecord]) -> None:
        """Raise ``NonFiniteLossError`` at ``max_nonfinite_steps`` skipped ones in a row."""
        for record in records:
            self._skipped_in_row = [*self._skipped_in_row, record] if record.skipped else []
            if len(self._skipped_in_row) >= self.max_nonfinite_steps:
                raise NonFiniteLossError(_explain_skipped(self._skipped_in_row))

    def check_end(self) -> None:
        """Look at the last steps of a run: weights that give no finite loss any more are no result.

        Raises:
            NonFiniteLossError: More than two in a row were skipped, though videos could be read.
        """
        skipped = self._skipped_in_row
        if not skipped or _is_unreadable(skipped[-1]):
            return
        if len(skipped) > _MAX_SKIPPED_AT_END:
            raise NonFiniteLossError(
                f"the weights at the end of the run are of no use: {_explain_skipped(skipped)}"
            )
        _logger.warning(f"the run ends with {_explain_skipped(skipped)}")

    def no_update_error(self) -> NonFiniteLossError:
        """The error of a run that ends with the weights it began with."""
        return NonFiniteLossError(f"nothing was learnt: {_explain_skipped(self._skipped_in_row)}")


def _explain_skipped(skipped: list[StepRecord]) -> str:
    last = skipped[-1]
    videos = sorted({name for record in skipped for name in record.samples})
    names = ", ".join(videos[:8]) + (f" and {len(videos) - 8} more" if len(videos) > 8 else "")
    cause = "no readable video" if _is_unreadable(last) else "not finite"
    return (
        f"{format_count(len(skipped), 'step')} in a row skipped, up to step "
        f"{last.step}: loss {last.loss:g}, "
        f"gradient norm {last.grad_norm:g}, lr {last.lr:.3g} ({cause}); a smaller --optim.lr, "
        f"--optim.clip-norm 1 or --runtime.precision fp32 may help; videos of these steps: {names}"
    )


def _is_unreadable(record: StepRecord) -> bool:
    return record.num_unreadable > 0 and math.isnan(record.loss)


@dataclass(frozen=True, slots=True)
class LogWindow:
    """Some steps, and how the time between went."""

    records: Sequence[StepRecord]
    seconds: float
    wait_seconds: float
