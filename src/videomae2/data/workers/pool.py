"""Run a reading function in processes that can be killed, and give its results in order.

A video that is broken, hangs, eats memory or crashes a decoder costs its own result and one
process, which is replaced. Only numpy here: a pool can serve a training run or anything else.
"""

import contextlib
import math
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from videomae2.data.workers.inline import run_inline
from videomae2.data.workers.main import READY, load_function, load_prepare
from videomae2.data.workers.process import WorkerProcess
from videomae2.data.workers.worker import Result, Worker, WorkerStats, WorkItem
from videomae2.errors import VideoMAE2Error, VideoTimeoutError

Request = TypeVar("Request")
_END = object()
_CLOSE_SECONDS = 2.0


class Pool:
    """Reading processes that run one function, for one `map` after another, in any one thread.

    Args:
        function: `module:name` of a function that takes a request and `allocate(shape, dtype)` and
            returns arrays and plain values by name (`main.load_function`).
        num_workers: Number of processes; 0 runs the function here, where nothing can be killed.
        timeout_seconds: Time for one request, after which its process is killed.
        memory_limit_bytes: Most private memory of a process, and most shared memory of one
            result; None sets no limit. A process that reads nothing takes about 70 MB.
        buffers_per_worker: Requests that a worker has at most, waiting, at work or answered.
        max_attempts: How often a request is tried that takes longer than its deadline.
        prepare: `module:name` of what is done with a request before its time begins
            (`main.load_prepare`).
        inherited: Open files that requests name; they stay open until the pool is closed.

    Source: written for this project; torch's DataLoader can neither kill a worker nor go on
    without it.
    """

    def __init__(
        self,
        function: str,
        *,
        num_workers: int,
        timeout_seconds: float,
        memory_limit_bytes: int | None,
        buffers_per_worker: int = 2,
        max_attempts: int = 1,
        prepare: str | None = None,
        inherited: Sequence[int] = (),
    ) -> None:
        if num_workers < 0 or not 1 <= buffers_per_worker < READY or timeout_seconds <= 0:
            raise ValueError(
                "a pool needs workers of 0 or more, a timeout above 0 s and 1 to 254 buffers per "
                f"worker: got {num_workers}, {timeout_seconds} s and {buffers_per_worker}"
            )
        self._function, self._prepare, self._max_attempts = function, prepare, max_attempts
        self._timeout_message = f"took longer than {timeout_seconds:g} s"
        self._lock = threading.RLock()  # held while the workers are touched, not while results are
        self._is_mapping = self._is_closed = False
        self._ending_processes: list[WorkerProcess] = []
        self._workers: list[Worker] = []
        self._selector = selectors.DefaultSelector()
        self._wakeup_pipe, self._wakeup_pipe_end = os.pipe()
        self._selector.register(self._wakeup_pipe, selectors.EVENT_READ)
        start_process = partial(
            WorkerProcess,
            function,
            prepare=prepare,
            inherited=inherited,
            timeout_seconds=timeout_seconds,
            memory_limit_bytes=memory_limit_bytes,
        )
        try:
            for _ in range(num_workers):
                worker = Worker(
                    start_process,
                    num_buffers=buffers_per_worker,
                    timeout_seconds=timeout_seconds,
                    max_attempts=max_attempts,
                )
                self._workers.append(worker)
                self._listen_to(worker)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def stats(self) -> list[WorkerStats]:
        """What each worker has done so far."""
        return [worker.stats for worker in self._workers]

    def map(self, requests: Iterable[Request]) -> Iterator[Result[Request]]:
        """Yield one result per request, in their order, reading a few ahead.

        The arrays of a result are overwritten once the next one is asked for: copy them before.
        Requests are taken only as buffers get free, so they may be without end. A request must be
        picklable; its `path`, or else its text, names it in errors.

        Raises:
            RuntimeError: The pool is closed, or another `map` on it has not ended.
            VideoMAE2Error: Processes cannot be started, or die before they read anything.
        """
        return self._map(requests) if self._workers else self._map_inline(requests)

    def close(self) -> None:
        """Kill the processes and let go of everything; from any thread, at any time, again."""
        if self._is_closed:
            return
        self._is_closed = True
        os.write(self._wakeup_pipe_end, b"!")  # wakes a thread that waits for a result
        with self._lock:
            for worker in self._workers:
                worker.close()
                self._ending_processes.append(worker.process)
            self._selector.close()
            os.close(self._wakeup_pipe)
            os.close(self._wakeup_pipe_end)
        end = time.monotonic() + _CLOSE_SECONDS
        for process in self._ending_processes:
            process.is_gone(within_seconds=max(0.0, end - time.monotonic()))

    def _map(self, requests: Iterable[Request]) -> Iterator[Result[Request]]:
        source = iter(requests)
        with self._track_items() as items:
            while True:
                self._fill_queues(source, items)
                if not items:
                    return
                while (result := items[0].result) is None:
                    self._wait()
                yield result
                with self._hold_open():
                    items.popleft().release()

    def _map_inline(self, requests: Iterable[Request]) -> Iterator[Result[Request]]:
        function, prepare = load_function(self._function), load_prepare(self._prepare)
        for request in requests:
            with self._hold_open():
                attempts_left = self._max_attempts
            while isinstance(
                (result := run_inline(function, request, prepare)).error, VideoTimeoutError
            ):
                attempts_left -= 1
                if attempts_left < 1:
                    break
            yield result

    @contextlib.contextmanager
    def _track_items(self) -> Iterator[deque[WorkItem]]:
        """The requests of one `map` under way; what is left of them at its end is cancelled."""
        items: deque[WorkItem] = deque()
        with self._hold_open():
            if self._is_mapping:
                raise RuntimeError("another map on this pool has not ended")
            self._is_mapping = True
        try:
            yield items
        finally:
            self._is_mapping = False
            with self._lock:
                while items and not self._is_closed:
                    items.popleft().release()

    @contextlib.contextmanager
    def _hold_open(self) -> Iterator[None]:
        """Hold the lock, on a pool that is not closed."""
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the pool is closed")
            yield

    def _fill_queues(self, source: Iterator[Request], items: deque[WorkItem]) -> None:
        while any(worker.num_free for worker in self._workers):
            request = next(source, _END)
            if request is _END:
                return
            with self._hold_open():
                free_workers = [worker for worker in self._workers if worker.num_free]
                items.append(min(free_workers, key=lambda worker: worker.num_queued).send(request))

    def _wait(self) -> None:
        """Wait for news of a worker or for a deadline, and deal with it."""
        with self._hold_open():
            next_deadline = min(worker.deadline() for worker in self._workers)
            timeout = (
                None if next_deadline == math.inf else max(0.0, next_deadline - time.monotonic())
            )
            for key, _ in self._selector.select(timeout):
                if key.data is not None:
                    self._poll_worker(key.data)
            for worker in self._workers:
                if worker.deadline() < time.monotonic():
                    self._replace_worker(worker, self._timeout_message, is_slow=True)

    def _poll_worker(self, worker: Worker) -> None:
        state = worker.poll()
        if state == "dead":
            fault = f"the reading process {worker.process.describe_exit()}"
            self._replace_worker(worker, fault, is_killed=worker.process.was_killed())
        elif state == "exhausted":
            self._replace_worker(worker, None)

    def _replace_worker(
        self, worker: Worker, fault: str | None, *, is_slow: bool = False, is_killed: bool = False
    ) -> None:
        self._selector.unregister(worker.process.results)
        self._ending_processes = [
            process for process in self._ending_processes if not process.is_gone()
        ]
        self._ending_processes.append(worker.process)
        try:
            worker.replace(fault, is_slow=is_slow, is_killed=is_killed)
        except VideoMAE2Error:
            self.close()
            raise
        self._listen_to(worker)

    def _listen_to(self, worker: Worker) -> None:
        self._selector.register(worker.process.results, selectors.EVENT_READ, worker)
