"""The log of a run: a line for people, a JSON line per step for machines, TensorBoard if there.

A full disk must not end a run: lines that cannot be written wait in memory for the next try.
"""

import math
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from videomae2.data.json_lines import JsonLines
from videomae2.engine.readout import StepRecord
from videomae2.engine.supply import Report

METRICS_FILE = "metrics.jsonl"
BOARD_FOLDER = "tensorboard"


class RunLog:
    """Writes what happens to the run folder and to the terminal."""

    def __init__(
        self,
        folder: Path,
        *,
        steps: int,
        first_step: int,
        memory: Callable[[], float],
        say: Callable[[str], None],
    ) -> None:
        self.steps = steps
        self.memory = memory
        self.say = say
        self._lines = JsonLines(folder / METRICS_FILE, keep=lambda line: line["step"] < first_step)
        self._board = _tensorboard(folder, first_step, say)
        self._rates: deque[float] = deque(maxlen=20)

    def report(self, report: Report) -> None:
        """Log some steps."""
        records = report.records
        if not records:
            return
        self._rates.append(report.seconds / len(records))
        self.say(self._line(report))
        extra = {
            "clips_per_second": sum(r.clips for r in records) / report.seconds,
            "data_wait_share": report.waited / report.seconds,
            "memory_gib": self.memory(),
        }
        for record in records[:-1]:
            self._lines.add(_entry(record))
        now = round(time.time(), 1)  # six digits of it, as of the others, would be hours off
        self._lines.add({**_entry(records[-1]), **_rounded(extra), "time": now})
        if not self._lines.flush():
            self.say(f"cannot write {self._lines.path} now; its lines are kept for the next try")
        self._draw(records, extra)

    def probe(self, step: int, values: dict[str, float]) -> None:
        """Log numbers of the weights after a step, which are not of training itself.

        Args:
            step: The last step that was done, counted from 0; -1 for the first weights.
            values: By their full names, such as probe/knn.
        """
        self._lines.add({"step": step, **_rounded(values)})
        self._lines.flush()
        self._scalars([(name, value, step) for name, value in values.items()])

    def close(self) -> None:
        """Write out what is left."""
        self._lines.flush()
        if self._board is not None:
            self._board.close()

    def _line(self, report: Report) -> str:
        records = report.records
        done = records[-1].step + 1
        good = [r for r in records if not r.skipped]
        loss = sum(r.loss for r in good) / len(good) if good else math.nan
        norm = sum(r.norm for r in good) / len(good) if good else math.nan
        parts = [
            f"step {done:>{len(str(self.steps))}}/{self.steps}",
            f"loss {loss:.4f}",
            f"lr {records[-1].lr:.2e}",
            f"grad {norm:.3g}",
            f"{sum(r.clips for r in records) / report.seconds:,.0f} clips/s",
            f"data wait {report.waited / report.seconds:.0%}",
            f"{self.memory():.1f} GiB",
            f"{duration(self._seconds_left(done))} left",
        ]
        skipped, unreadable = len(records) - len(good), sum(r.unreadable for r in records)
        parts += [f"{skipped} steps skipped"] if skipped else []
        parts += [f"{unreadable} unreadable"] if unreadable else []
        return "  ".join(parts)

    def _seconds_left(self, done: int) -> float:
        """From the median rate, which the first steps and a slow save do not distort."""
        rates = sorted(self._rates)
        return rates[len(rates) // 2] * (self.steps - done)

    def _draw(self, records: Sequence[StepRecord], extra: dict[str, float]) -> None:
        train = [
            (f"train/{name}", getattr(record, name), record.step)
            for record in records
            for name in ("loss", "lr", "norm")
        ]
        last = records[-1].step
        self._scalars([*train, *((f"speed/{name}", v, last) for name, v in extra.items())])

    def _scalars(self, values: Sequence[tuple[str, float, int]]) -> None:
        """Hand (name, value, step) to TensorBoard, as long as it can be written."""
        if self._board is None:
            return
        try:
            for name, value, step in values:
                self._board.add_scalar(name, value, step)
            self._board.flush()
        except OSError as error:
            self.say(f"TensorBoard events are no longer written: {error}")
            self._board = None


def to_terminal(text: str) -> None:
    """Write lines for people, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def duration(seconds: float) -> str:
    """Seconds as people say them: 45 s, 3:20 min, 5:07 h, 2 d 4 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    if whole < 48 * 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def _entry(record: StepRecord) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "step": record.step,
        "loss": record.loss if math.isfinite(record.loss) else None,
        "lr": record.lr,
        "grad_norm": record.norm if math.isfinite(record.norm) else None,
        **_rounded(record.metrics),
    }
    if record.unreadable:
        entry["unreadable"] = record.unreadable
    if record.skipped:
        entry |= {"skipped": True, "samples": list(record.samples)}
    return entry


def _rounded(values: dict[str, float]) -> dict[str, float | None]:
    return {n: float(f"{v:.6g}") if math.isfinite(v) else None for n, v in values.items()}


def _tensorboard(folder: Path, first_step: int, say: Callable[[str], None]) -> Any:
    """A writer of TensorBoard events, or None where the package is missing."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        say("no TensorBoard events: install videomae2[train] to have them")
        return None
    return SummaryWriter(str(folder / BOARD_FOLDER), purge_step=first_step)
