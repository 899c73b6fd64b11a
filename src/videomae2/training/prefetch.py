"""Micro-batches on the device ahead of the computation, and how long a step waits for them."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import torch

from videomae2.base.signals import SignalHandler
from videomae2.tensors.clips import Clips
from videomae2.training.metrics_buffer import LogWindow, StepRecord


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """A micro-batch: clips on the device, and who they are."""

    clips: Clips
    samples: Sequence[str]
    num_unreadable: int = 0


class StepAborted(Exception):  # noqa: N818 - it is no fault
    """Somebody asked to stop in the middle of a step, or while data is waited for.

    A step may outlast a grace period, and so may videos that hang.
    """


@dataclass(slots=True)
class MicroBatchIterator:
    """Hands out the parts of a step, and notes who they were and how long they kept us waiting."""

    micro_batches: Iterator[MicroBatch]
    gradient_accumulation_steps: int
    signals: SignalHandler
    window_start: float = field(default_factory=time.perf_counter)
    wait_seconds: float = 0.0
    num_clips: int = 0
    num_unreadable: int = 0
    samples: list[str] = field(default_factory=list)

    def iterate_step(self) -> Iterator[Clips]:
        self.num_clips, self.num_unreadable, self.samples = 0, 0, []
        for _ in range(self.gradient_accumulation_steps):
            started = time.perf_counter()
            with self.signals.waiting(StepAborted):
                micro_batch = next(self.micro_batches)
            self.wait_seconds += time.perf_counter() - started
            self.num_clips += len(micro_batch.clips.keys)
            self.num_unreadable += micro_batch.num_unreadable
            self.samples += micro_batch.samples
            yield micro_batch.clips

    @contextmanager
    def pause_clock(self) -> Iterator[None]:
        """Let somebody look at the weights; the clock stands still."""
        started = time.perf_counter()
        yield
        self.window_start += time.perf_counter() - started

    def window_stats(self, records: Sequence[StepRecord]) -> LogWindow:
        now = time.perf_counter()
        window = LogWindow(records, now - self.window_start, self.wait_seconds)
        self.window_start, self.wait_seconds = now, 0.0
        return window


HostT = TypeVar("HostT")


def prefetch_to_device(
    batches: Iterator[HostT], to_micro_batch: Callable[[HostT], MicroBatch], device: torch.device
) -> Iterator[MicroBatch]:
    """Make parts of host batches; on CUDA on a stream of their own.

    The host runs ahead of the device, so the copies and crops of one part overlap with the
    computation of the one before; the computing stream waits for them, the host never does.
    """
    if device.type != "cuda":
        yield from map(to_micro_batch, batches)
        return
    copy_stream = torch.cuda.Stream(device)
    for batch in batches:
        with torch.cuda.stream(copy_stream):
            micro_batch = to_micro_batch(batch)
        compute_stream = torch.cuda.current_stream(device)
        compute_stream.wait_stream(copy_stream)
        clips = micro_batch.clips
        for tensor in (clips.pixels, clips.keys, clips.weights, clips.targets):
            if tensor is not None:
                tensor.record_stream(compute_stream)
        yield micro_batch
