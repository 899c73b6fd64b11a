"""The log of a run: a line for people, a JSON line per step for machines, TensorBoard if installed.

A full disk must not end a run: lines that cannot be written wait in memory for the next try.
"""

import functools
import logging
import math
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from videomae2.base.jsonl import JsonLines
from videomae2.base.progress import start_progress
from videomae2.base.text import format_count, format_duration
from videomae2.training.loop import Callback
from videomae2.training.metrics_buffer import LogWindow, StepRecord

_logger = logging.getLogger(__name__)

METRICS_FILE = "metrics.jsonl"
TENSORBOARD_FOLDER = "tensorboard"


class MetricsLogger(Callback):
    """Writes what happens to the run folder and to the terminal."""

    def __init__(
        self, folder: Path, *, steps: int, first_step: int, get_memory_gib: Callable[[], float]
    ) -> None:
        self.steps = steps
        self.get_memory_gib = get_memory_gib
        self._metrics_file = JsonLines(
            folder / METRICS_FILE, keep_line=lambda line: line["step"] < first_step
        )
        self._writer = _open_tensorboard(folder, first_step)
        self._progress = start_progress(
            "training", total=steps, unit="step", done=first_step, log_lines=False
        )
        self._seconds_per_step: deque[float] = deque(maxlen=20)

    def on_log(self, window: LogWindow) -> None:
        records = window.records
        if not records:
            return
        self._seconds_per_step.append(window.seconds / len(records))
        _logger.info(self._format_window(window))
        speed = {
            "clips_per_second": sum(r.num_clips for r in records) / window.seconds,
            "data_wait_share": window.wait_seconds / window.seconds,
            "memory_gib": self.get_memory_gib(),
        }
        for record in records[:-1]:
            self._metrics_file.add(_build_json_entry(record))
        now = {"time": round(time.time(), 1)}  # six digits of it, as of the others: hours off
        self._metrics_file.add(_build_json_entry(records[-1]) | _round_values(speed) | now)
        if not self._metrics_file.flush():
            _logger.warning(
                f"cannot write {self._metrics_file.path} now; its lines are kept for the next try"
            )
        self._write_tensorboard(records, speed)
        self._progress.advance(
            len(records), loss=records[-1].loss, data_wait_share=speed["data_wait_share"]
        )

    def log_values(self, step: int, values: dict[str, float]) -> None:
        """Log numbers of the weights after a step, by their full names, such as probe/knn.

        Steps are counted from 0; -1 stands for the first weights.
        """
        self._metrics_file.add({"step": step, **_round_values(values)})
        self._metrics_file.flush()
        self._add_scalars([(name, value, step) for name, value in values.items()])

    def close(self) -> None:
        """Write out what is left."""
        self._progress.close()
        self._metrics_file.flush()
        if self._writer is not None:
            try:
                self._writer.close()
            except OSError as error:
                _logger.warning(f"the last TensorBoard events are not written: {error}")

    def _format_window(self, window: LogWindow) -> str:
        records = window.records
        steps_done = records[-1].step + 1
        finite = [r for r in records if not r.skipped]
        loss = sum(r.loss for r in finite) / len(finite) if finite else math.nan
        grad_norm = sum(r.grad_norm for r in finite) / len(finite) if finite else math.nan
        # the median, which the first steps and a slow save do not distort
        seconds_per_step = statistics.median_high(self._seconds_per_step)
        parts = [
            f"step {steps_done:>{len(str(self.steps))}}/{self.steps}",
            f"loss {loss:.4f}",
            f"lr {records[-1].lr:.2e}",
            f"grad {grad_norm:.3g}",
            f"{sum(r.num_clips for r in records) / window.seconds:,.0f} clips/s",
            f"data wait {window.wait_seconds / window.seconds:.0%}",
            f"{self.get_memory_gib():.1f} GiB",
            f"{format_duration(seconds_per_step * (self.steps - steps_done))} left",
        ]
        skipped, unreadable = len(records) - len(finite), sum(r.num_unreadable for r in records)
        parts += [f"{format_count(skipped, 'step')} skipped"] if skipped else []
        parts += [f"{unreadable} unreadable"] if unreadable else []
        return "  ".join(parts)

    def _write_tensorboard(self, records: Sequence[StepRecord], speed: dict[str, float]) -> None:
        values = [
            (f"train/{name}", getattr(record, name), record.step)
            for record in records
            for name in ("loss", "lr", "grad_norm")
        ]
        self._add_scalars(values + [(f"speed/{n}", v, records[-1].step) for n, v in speed.items()])

    def _add_scalars(self, values: Sequence[tuple[str, float, int]]) -> None:
        """Hand (name, value, step) to TensorBoard, as long as it can be written."""
        if self._writer is None:
            return
        try:
            for name, value, step in values:
                self._writer.add_scalar(name, value, step)
            self._writer.flush()
        except OSError as error:
            _logger.warning(f"TensorBoard events are no longer written: {error}")
            self._writer = None


def _build_json_entry(record: StepRecord) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "step": record.step,
        "loss": record.loss if math.isfinite(record.loss) else None,
        "lr": record.lr,
        "grad_norm": record.grad_norm if math.isfinite(record.grad_norm) else None,
        **_round_values(record.metrics),
    }
    if record.num_unreadable:
        entry["unreadable"] = record.num_unreadable
    if record.skipped:
        entry |= {"skipped": True, "samples": list(record.samples)}
    return entry


def _round_values(values: Mapping[str, float]) -> dict[str, float | None]:
    return {n: float(f"{v:.6g}") if math.isfinite(v) else None for n, v in values.items()}


def _open_tensorboard(folder: Path, first_step: int) -> Any:
    """A writer of TensorBoard events, or None where the package is missing."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        _logger.info("no TensorBoard events: install videomae2[train] to have them")
        return None
    _hide_writer_errors()
    return SummaryWriter(str(folder / TENSORBOARD_FOLDER), purge_step=first_step)


@functools.cache
def _hide_writer_errors() -> None:
    """Keep the traceback of TensorBoard's thread away: whoever writes next gets its error."""
    print_traceback = threading.excepthook

    def hook(arguments: threading.ExceptHookArgs) -> None:
        is_writer = type(arguments.thread).__name__ == "_AsyncWriterThread"
        if not (is_writer and isinstance(arguments.exc_value, OSError)):
            print_traceback(arguments)

    threading.excepthook = hook
