"""Run a reading function in processes that can be killed, and give its answers in order.

A video that is broken, hangs, eats memory or crashes a decoder costs its own answer and one
process, which is replaced. Only numpy here: a pool can serve a training run or anything else.
"""

import contextlib
import math
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import TypeVar

from videomae2.data.answers import Answer, Usage
from videomae2.data.crew import Job, Worker
from videomae2.data.processes import Process
from videomae2.data.reading_here import answer_here
from videomae2.data.worker_main import READY, load_function
from videomae2.errors import VideoMAE2Error

__all__ = ["Answer", "Pool", "Usage"]

Request = TypeVar("Request")

_END = object()
_CLOSE_SECONDS = 2.0


class Pool:
    """Reading processes that run one function, for one `map` after another, in any one thread.

    Args:
        function: `module:name` of a function that takes a request and `allocate(shape, dtype)` and
            returns arrays and plain values by name (`worker_main.load_function`).
        workers: Number of processes; 0 runs the function here, where nothing can be killed.
        deadline_seconds: Time for one request, after which its process is killed.
        memory_bytes: Most private memory of a process, and most shared memory of one answer; None
            sets no limit. A process that reads nothing takes about 70 MB.
        slots_per_worker: Requests that a worker has at most, waiting, at work or answered.
        tries: How often a request is tried that takes longer than its deadline.

    Source: written for this project; torch's DataLoader can neither kill a worker nor go on
    without it.
    """

    def __init__(
        self,
        function: str = "videomae2.data.worker:read_sample",
        *,
        workers: int,
        deadline_seconds: float,
        memory_bytes: int | None,
        slots_per_worker: int = 2,
        tries: int = 1,
    ) -> None:
        if workers < 0 or not 1 <= slots_per_worker < READY or deadline_seconds <= 0:
            raise ValueError(
                "a pool needs workers of 0 or more, a deadline above 0 s and 1 to 254 slots per "
                f"worker: got {workers}, {deadline_seconds} s and {slots_per_worker}"
            )
        self._function, self._tries = function, tries
        self._too_long = f"took longer than {deadline_seconds:g} s"
        self._lock = threading.RLock()  # held while the workers are touched, not while answers are
        self._is_mapping = self._is_closed = False
        self._dying: list[Process] = []
        self._workers: list[Worker] = []
        self._selector = selectors.DefaultSelector()
        self._bell, self._bell_rope = os.pipe()
        self._selector.register(self._bell, selectors.EVENT_READ)
        start = partial(
            _start, function, deadline_seconds=deadline_seconds, memory_bytes=memory_bytes
        )
        try:
            for _ in range(workers):
                worker = Worker(
                    start, slots=slots_per_worker, deadline_seconds=deadline_seconds, tries=tries
                )
                self._workers.append(worker)
                self._listen_to(worker)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def usage(self) -> list[Usage]:
        """What each worker has done so far."""
        return [worker.usage for worker in self._workers]

    def map(self, requests: Iterable[Request]) -> Iterator[Answer[Request]]:
        """Yield one answer per request, in their order, reading a few ahead.

        The arrays of an answer are overwritten once the next one is asked for: copy them before.
        Requests are taken only as slots get free, so they may be without end. A request must be
        picklable; its `path`, or else its text, names it in errors.

        Raises:
            RuntimeError: The pool is closed, or another `map` on it has not ended.
            VideoMAE2Error: Processes cannot be started, or die before they read anything.
        """
        return self._map(requests) if self._workers else self._map_here(requests)

    def close(self) -> None:
        """Kill the processes and let go of everything; from any thread, at any time, again."""
        if self._is_closed:
            return
        self._is_closed = True
        os.write(self._bell_rope, b"!")  # wakes a thread that waits for an answer
        with self._lock:
            for worker in self._workers:
                worker.close()
                self._dying.append(worker.process)
            self._selector.close()
            os.close(self._bell)
            os.close(self._bell_rope)
        until = time.monotonic() + _CLOSE_SECONDS
        for process in self._dying:
            process.is_gone(within_seconds=max(0.0, until - time.monotonic()))

    def _map(self, requests: Iterable[Request]) -> Iterator[Answer[Request]]:
        source = iter(requests)
        with self._jobs() as jobs:
            while True:
                self._fill(source, jobs)
                if not jobs:
                    return
                while (answer := jobs[0].answer) is None:
                    self._wait()
                yield answer
                with self._open():
                    jobs.popleft().free()

    def _map_here(self, requests: Iterable[Request]) -> Iterator[Answer[Request]]:
        function = load_function(self._function)
        for request in requests:
            with self._open():
                tries = self._tries
            yield answer_here(function, request, tries=tries)

    @contextlib.contextmanager
    def _jobs(self) -> Iterator[deque[Job]]:
        """The requests of one `map` under way; what is left of them at its end is unwanted."""
        jobs: deque[Job] = deque()
        with self._open():
            if self._is_mapping:
                raise RuntimeError("another map on this pool has not ended")
            self._is_mapping = True
        try:
            yield jobs
        finally:
            self._is_mapping = False
            with self._lock:
                while jobs and not self._is_closed:
                    jobs.popleft().free()

    @contextlib.contextmanager
    def _open(self) -> Iterator[None]:
        """Hold the lock, on a pool that is not closed."""
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the pool is closed")
            yield

    def _fill(self, source: Iterator[Request], jobs: deque[Job]) -> None:
        while any(worker.room for worker in self._workers):
            request = next(source, _END)
            if request is _END:
                return
            with self._open():
                free = [worker for worker in self._workers if worker.room]
                jobs.append(min(free, key=lambda worker: worker.load).send(request))

    def _wait(self) -> None:
        """Wait for news of a worker or for a deadline, and deal with it."""
        with self._open():
            due = min(worker.due() for worker in self._workers)
            timeout = None if due == math.inf else max(0.0, due - time.monotonic())
            for key, _ in self._selector.select(timeout):
                if key.data is not None:
                    self._hear(key.data)
            for worker in self._workers:
                if worker.due() < time.monotonic():
                    self._replace(worker, self._too_long, is_slow=True)

    def _hear(self, worker: Worker) -> None:
        state = worker.hear()
        if state == "dead":
            self._replace(worker, f"the reading process {worker.process.how_it_ended()}")
        elif state == "exhausted":
            self._replace(worker, None)

    def _replace(self, worker: Worker, fault: str | None, *, is_slow: bool = False) -> None:
        self._selector.unregister(worker.process.answers)
        self._dying = [process for process in self._dying if not process.is_gone()]
        self._dying.append(worker.process)
        try:
            worker.replace(fault, is_slow=is_slow)
        except VideoMAE2Error:
            self.close()
            raise
        self._listen_to(worker)

    def _listen_to(self, worker: Worker) -> None:
        self._selector.register(worker.process.answers, selectors.EVENT_READ, worker)


def _start(
    function: str, slots: list[int], *, deadline_seconds: float, memory_bytes: int | None
) -> Process:
    return Process(
        function, slots=slots, deadline_seconds=deadline_seconds, memory_bytes=memory_bytes
    )
