"""Metrics of steps, kept on the device and read out together: one wait for many steps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from videomae2.engine.step import StepResult
from videomae2.errors import NonFiniteLossError


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What the log keeps of one step."""

    step: int
    loss: float
    lr: float
    norm: float
    metrics: dict[str, float]
    clips: int
    unreadable: int
    skipped: bool
    samples: tuple[str, ...]
    """Names of the videos of the step; only of a skipped one."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A step whose numbers are still on the device."""

    result: StepResult
    record: StepRecord
    """With everything that is known already."""


class Meter:
    """Collects the results of steps until somebody reads them."""

    def __init__(self, max_bad_steps: int) -> None:
        self.max_bad_steps = max_bad_steps
        self._waiting: list[_Waiting] = []
        self._bad_in_row: list[StepRecord] = []

    def add(
        self,
        step: int,
        result: StepResult,
        *,
        lr: float,
        clips: int,
        unreadable: int,
        samples: Sequence[str],
    ) -> None:
        """Note a step without waiting for its numbers."""
        record = StepRecord(
            step=step,
            loss=math.nan,
            lr=lr,
            norm=math.nan,
            metrics={},
            clips=clips,
            unreadable=unreadable,
            skipped=False,
            samples=tuple(samples),
        )
        self._waiting.append(_Waiting(result, record))

    def read(self) -> list[StepRecord]:
        """Wait for the device once and give the records of all steps since the last reading."""
        if not self._waiting:
            return []
        rows = torch.stack([_row(step.result) for step in self._waiting]).tolist()
        names = list(self._waiting[0].result.metrics)
        records = [
            _fill(step.record, row, names) for step, row in zip(self._waiting, rows, strict=True)
        ]
        self._waiting.clear()
        return records

    def check(self, records: Sequence[StepRecord]) -> None:
        """Count skipped steps in a row.

        Raises:
            NonFiniteLossError: At ``max_bad_steps`` in a row; it names the videos of the last.
        """
        for record in records:
            self._bad_in_row = [*self._bad_in_row, record] if record.skipped else []
            if len(self._bad_in_row) >= self.max_bad_steps:
                raise NonFiniteLossError(_explain(self._bad_in_row))

    def nothing_learnt(self) -> NonFiniteLossError:
        """The error of a run that ends with the weights it began with."""
        return NonFiniteLossError(f"nothing was learnt: {_explain(self._bad_in_row)}")


def _row(result: StepResult) -> Tensor:
    values = [result.loss, result.norm, result.bad, *result.metrics.values()]
    return torch.stack([value.detach().double() for value in values])


def _fill(record: StepRecord, row: list[float], names: list[str]) -> StepRecord:
    """The record with the numbers that came from the device."""
    loss, norm, bad, *metrics = row
    return replace(
        record,
        loss=loss,
        norm=norm,
        metrics=dict(zip(names, metrics, strict=True)),
        skipped=bool(bad),
        samples=record.samples if bad else (),
    )


def _explain(bad: list[StepRecord]) -> str:
    last = bad[-1]
    videos = sorted({name for record in bad for name in record.samples})
    shown = ", ".join(videos[:8]) + (f" and {len(videos) - 8} more" if len(videos) > 8 else "")
    cause = "no readable video" if last.unreadable and math.isnan(last.loss) else "not finite"
    return (
        f"{len(bad)} steps in a row were skipped, up to step {last.step}: loss {last.loss:g}, "
        f"gradient norm {last.norm:g}, lr {last.lr:.3g} ({cause}); a smaller --optim.lr, "
        f"--optim.clip-norm 1 or --runtime.precision fp32 may help; videos of these steps: {shown}"
    )
