"""One worker of a pool: a queue, slots of memory, and a process that is replaced when it fails."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from videomae2.data.answers import Answer, Usage
from videomae2.data.processes import Process
from videomae2.data.slots import Reply, Slot, unnamed_file
from videomae2.data.worker_main import READY, name_of
from videomae2.errors import SlowVideoError, VideoError, VideoMAE2Error

_START_SECONDS = 300.0  # a cold network disk may take minutes to import from
_DEATHS = 3  # deaths in a row, without a request to blame, that a worker may have


@dataclass(slots=True, eq=False)
class Job:
    """A request under way."""

    request: Any
    worker: "Worker"
    slot: int
    tries: int
    """How often it may still be tried."""
    answer: Answer[Any] | None = None
    is_unwanted: bool = False
    """Nobody waits for the answer any more."""

    def free(self) -> None:
        """Give the slot back, now or when the process is done with it."""
        self.is_unwanted = True
        if self.answer is not None:
            self.worker.free(self.slot)


class Worker:
    """A process that works through a queue as long as its slots, and is replaced when it fails.

    Args:
        start: Starts a process on the given open files.
        slots: Number of requests that may wait or lie answered.
        deadline_seconds: Time for one request, from when the process turns to it.
        tries: How often a request is tried that takes longer.
    """

    def __init__(
        self,
        start: Callable[[list[int]], Process],
        *,
        slots: int,
        deadline_seconds: float,
        tries: int,
    ) -> None:
        self._start, self._tries = start, tries
        self._deadline_seconds = deadline_seconds
        self._slots = [Slot(unnamed_file()) for _ in range(slots)]
        self._free = list(range(slots))
        self._queue: deque[Job] = deque()
        self._failures = 0
        self._is_ready = False
        self.usage = Usage()
        self.process = self._new_process()

    @property
    def room(self) -> int:
        """How many more requests it takes now."""
        return len(self._free)

    @property
    def load(self) -> int:
        """How many requests it has to answer."""
        return len(self._queue)

    def send(self, request: object) -> Job:
        """Queue a request; there must be room."""
        job = Job(request, self, self._free[-1], self._tries)
        self._slots[job.slot].write_request(request)
        if not self._queue:
            self._since = time.monotonic()
        self._queue.append(job)
        self.process.send(self._free.pop())
        return job

    def hear(self) -> Literal["well", "exhausted", "dead"]:
        """Take in what the process has to say, once there is something; and say how it is."""
        numbers = self.process.hear()
        self._since = time.monotonic()
        exhausted = [self._receive() for number in numbers if number != READY]
        self._is_ready = self._is_ready or bool(numbers)
        if not numbers:
            return "dead"
        return "exhausted" if any(exhausted) else "well"

    def due(self) -> float:
        """When, by the monotonic clock, it will have taken too long; never, if it has no work."""
        if not self._queue:
            return math.inf
        began = self._slots[self._queue[0].slot].began
        patience = self._deadline_seconds if self._is_ready else _START_SECONDS
        return began + self._deadline_seconds if began else self._since + patience

    def free(self, slot: int) -> None:
        """Take back a slot."""
        self._slots[slot].trim()
        self._free.append(slot)

    def replace(self, fault: str | None, *, is_slow: bool = False) -> None:
        """Kill the process and start another, which inherits the queue.

        Args:
            fault: What the process did wrong, for which the request it was at is blamed; None if it
                is to be replaced although it did nothing wrong.
            is_slow: The fault is that it took too long.

        Raises:
            VideoMAE2Error: It failed again and again without a request to blame.
        """
        printed = self.process.last_words()
        self.process.kill()
        if fault is not None and not self._blame(fault, printed, is_slow=is_slow):
            self._count_failure(fault, printed)
        self._renew_slots()
        self.process = self._new_process()
        self.usage.restarts += 1
        for job in self._queue:
            self._hand_over(job)

    def close(self) -> None:
        """Kill the process and let go of the slots; arrays of theirs in use stay valid."""
        self.process.kill()
        while self._slots:
            self._slots.pop().close()

    def _new_process(self) -> Process:
        self._is_ready, self._since = False, time.monotonic()
        return self._start([slot.descriptor for slot in self._slots])

    def _receive(self) -> bool:
        """Take in one answer, and say whether it left the process short of memory."""
        job = self._queue[0]
        try:
            reply = self._slots[job.slot].read_answer()
        except Exception as error:  # a decoder gone wild may have written anywhere
            nonsense = VideoError(name_of(job.request), f"the answer makes no sense: {error}")
            reply = Reply({}, {}, nonsense, 0.0, True)
        arrays = None if reply.error else reply.arrays
        if not self._settle(Answer(job.request, arrays, reply.meta, reply.error, reply.seconds)):
            self._hand_over(job)
        return reply.exhausted

    def _hand_over(self, job: Job) -> None:
        self._slots[job.slot].write_request(job.request)
        self.process.send(job.slot)

    def _settle(self, answer: Answer[Any]) -> bool:
        """Take the first request for answered; False if it waits again, behind the others.

        One that took too long may have met a busy moment: it is tried again.
        """
        job = self._queue.popleft()
        self._failures = 0
        job.tries -= 1
        if isinstance(answer.error, SlowVideoError) and job.tries > 0 and not job.is_unwanted:
            self._queue.append(job)
            return False
        job.answer = answer
        self.usage.add(answer)
        if job.is_unwanted:
            self.free(job.slot)
        return True

    def _blame(self, fault: str, printed: str, *, is_slow: bool) -> bool:
        """Answer the request that the process was at, if it was at one, with its failure."""
        began = self._slots[self._queue[0].slot].began if self._queue else 0.0
        if not began:
            return False
        request = self._queue[0].request
        last = printed.splitlines()[-1][:300] if printed else ""
        kind = SlowVideoError if is_slow else VideoError
        error = kind(name_of(request), f"{fault}; last printed: {last}" if last else fault)
        self._renew(self._queue[0].slot)
        self._settle(Answer(request, None, {}, error, time.monotonic() - began))
        return True

    def _count_failure(self, fault: str, printed: str) -> None:
        self._failures += 1
        if self._failures >= _DEATHS:
            what = f"the reading process failed {_DEATHS} times without a video to blame"
            raise VideoMAE2Error(f"{what}: it {fault}\n{printed}".rstrip())

    def _renew_slots(self) -> None:
        """Forget unwanted work, and give the rest memory that the old process cannot reach.

        Even a killed process may write a little longer: from another thread, or in the kernel.
        """
        wanted = [job for job in self._queue if not job.is_unwanted]
        for job in self._queue:
            self._renew(job.slot)
            if job.is_unwanted:
                self._free.append(job.slot)
        self._queue = deque(wanted)

    def _renew(self, slot: int) -> None:
        self._slots[slot].close()
        self._slots[slot] = Slot(unnamed_file())
