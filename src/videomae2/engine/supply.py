"""What a step is fed with, and how long that keeps it waiting."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from videomae2.engine.readout import StepRecord
from videomae2.engine.signals import Wishes
from videomae2.tensors.clips import Clips


@dataclass(frozen=True, slots=True)
class Part:
    """A micro-batch: clips on the device, and who they are."""

    clips: Clips
    samples: Sequence[str]
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """Some steps, and how the time between went."""

    records: Sequence[StepRecord]
    seconds: float
    waited: float
    """Of these seconds, waiting for data."""


class StepAbandoned(Exception):  # noqa: N818 - it is no fault
    """Somebody asked to stop in the middle of a step; a step may outlast a grace period."""


@dataclass(slots=True)
class Supply:
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
                raise StepAbandoned
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
