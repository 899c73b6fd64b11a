"""One worker of a pool: a queue, shared buffers, and a process that is replaced when it fails.

And what a pool gives back: a result for each request, and what each process has done.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from numpy.typing import NDArray

from videomae2.data.workers.main import READY, get_request_name
from videomae2.data.workers.process import WorkerProcess
from videomae2.data.workers.shared_buffer import Response, SharedBuffer, open_anonymous_file
from videomae2.errors import VideoError, VideoMAE2Error, VideoTimeoutError

Request = TypeVar("Request")


@dataclass(frozen=True, slots=True, eq=False)
class Result(Generic[Request]):
    """What became of a request: arrays, or an error."""

    request: Request
    arrays: dict[str, NDArray[Any]] | None
    """Views of memory that is used again once the next result is asked for; None: see `error`."""
    meta: dict[str, Any]
    """Plain values that the function returned."""
    error: VideoError | None
    seconds: float
    """Time that a process worked on it, by the clock on the wall."""


@dataclass(slots=True)
class WorkerStats:
    """What one worker has done so far."""

    results: int = 0
    errors: int = 0
    restarts: int = 0
    busy_seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    """Seconds per stage, summed over the `meta["seconds"]` that the function returned."""

    def add(self, result: Result[Any]) -> None:
        self.results += 1
        self.errors += result.error is not None
        self.busy_seconds += result.seconds
        for stage, seconds in result.meta.get("seconds", {}).items():
            self.stages[stage] = self.stages.get(stage, 0.0) + seconds


_START_SECONDS = 300.0  # a cold network disk may take minutes to import from
_MAX_KILLS = 5  # kills from outside, at one request, that are not held against it
_MAX_KILLS_IN_ROW = 20  # kills from outside without a single result between them
_MAX_DEATHS = 3  # deaths in a row, without a request to blame, that a worker may have


@dataclass(slots=True, eq=False)
class WorkItem:
    """A request under way."""

    request: Any
    worker: "Worker"
    buffer: int
    attempts_left: int
    """How often it may still be tried."""
    num_kills: int = 0
    """How often its process was killed from outside while it was at it."""
    result: Result[Any] | None = None
    is_cancelled: bool = False
    """Nobody waits for the result any more."""

    def release(self) -> None:
        """Give the buffer back, now or when the process is done with it."""
        self.is_cancelled = True
        if self.result is not None:
            self.worker.release(self.buffer)


class Worker:
    """A process that works through a queue, a request per buffer, and is replaced when it fails.

    The time for a request runs from when the process turns to it.
    """

    def __init__(
        self,
        start: Callable[..., WorkerProcess],
        *,
        num_buffers: int,
        timeout_seconds: float,
        max_attempts: int,
    ) -> None:
        self._start_process, self._max_attempts = start, max_attempts
        self._timeout_seconds = timeout_seconds
        self._buffers = [SharedBuffer(open_anonymous_file()) for _ in range(num_buffers)]
        self._free_buffers = list(range(num_buffers))
        self._queue: deque[WorkItem] = deque()
        self._failures = self._kills = 0
        self._is_ready = False
        self.stats = WorkerStats()
        self.process = self._start_new_process()

    @property
    def num_free(self) -> int:
        """How many more requests it takes now."""
        return len(self._free_buffers)

    @property
    def num_queued(self) -> int:
        """How many requests it has to answer."""
        return len(self._queue)

    def send(self, request: object) -> WorkItem:
        """Queue a request; there must be room."""
        item = WorkItem(request, self, self._free_buffers[-1], self._max_attempts)
        self._buffers[item.buffer].write_request(request)
        if not self._queue:
            self._waiting_since = time.monotonic()
        self._queue.append(item)
        self.process.send(self._free_buffers.pop())
        return item

    def poll(self) -> Literal["well", "exhausted", "dead"]:
        """Take in what the process has to say, once there is something; and say how it is."""
        numbers = self.process.poll()
        self._waiting_since = time.monotonic()
        out_of_memory = [self._receive_result() for number in numbers if number != READY]
        self._is_ready = self._is_ready or bool(numbers)
        if not numbers:
            return "dead"
        return "exhausted" if any(out_of_memory) else "well"

    def deadline(self) -> float:
        """When, by the monotonic clock, it will have taken too long; never, if it has no work."""
        if not self._queue:
            return math.inf
        started_at = self._buffers[self._queue[0].buffer].started_at
        timeout = self._timeout_seconds if self._is_ready else _START_SECONDS
        return started_at + self._timeout_seconds if started_at else self._waiting_since + timeout

    def release(self, buffer: int) -> None:
        """Take back a buffer."""
        self._buffers[buffer].trim()
        self._free_buffers.append(buffer)

    def replace(self, fault: str | None, *, is_slow: bool = False, is_killed: bool = False) -> None:
        """Kill the process and start another, which inherits the queue.

        The request that it was at is blamed for the fault, if there is one; but not if it was
        killed from outside, as the system does where memory is short.

        Raises:
            VideoMAE2Error: It failed again and again without a request to blame.
        """
        stderr = self.process.read_stderr_tail()
        self.process.kill()
        is_forgiven = is_killed and self._forgive_kill()
        if fault is not None and not (
            is_forgiven or self._fail_current(fault, stderr, is_slow=is_slow)
        ):
            self._failures += 1
            if self._failures >= _MAX_DEATHS:
                message = f"the reading process failed {_MAX_DEATHS} times without a video to blame"
                raise VideoMAE2Error(f"{message}: it {fault}\n{stderr}".rstrip())
        self._replace_buffers()
        self.process = self._start_new_process()
        self.stats.restarts += 1
        for item in self._queue:
            self._resend(item)

    def close(self) -> None:
        """Kill the process and let go of the buffers; arrays of theirs in use stay valid."""
        self.process.kill()
        while self._buffers:
            self._buffers.pop().close()

    def _start_new_process(self) -> WorkerProcess:
        self._is_ready, self._waiting_since = False, time.monotonic()
        return self._start_process(buffers=[buffer.descriptor for buffer in self._buffers])

    def _receive_result(self) -> bool:
        """Take in one result, and say whether it left the process short of memory."""
        item = self._queue[0]
        try:
            response = self._buffers[item.buffer].read_response()
        except Exception as error:  # a decoder gone wild may have written anywhere
            reason = f"the result makes no sense: {error}"
            invalid = VideoError(get_request_name(item.request), reason)
            response = Response({}, {}, invalid, 0.0, True)
        arrays = None if response.error else response.arrays
        if not self._accept(
            Result(item.request, arrays, response.meta, response.error, response.seconds)
        ):
            self._resend(item)
        return response.out_of_memory

    def _resend(self, item: WorkItem) -> None:
        self._buffers[item.buffer].write_request(item.request)
        self.process.send(item.buffer)

    def _accept(self, result: Result[Any]) -> bool:
        """Take the first request for answered; False if it waits again, behind the others.

        One that took too long may have met a busy moment: it is tried again.
        """
        item = self._queue.popleft()
        self._failures = self._kills = 0
        item.attempts_left -= 1
        if (
            isinstance(result.error, VideoTimeoutError)
            and item.attempts_left > 0
            and not item.is_cancelled
        ):
            self._queue.append(item)
            return False
        item.result = result
        self.stats.add(result)
        if item.is_cancelled:
            self.release(item.buffer)
        return True

    def _forgive_kill(self) -> bool:
        """Count a kill from outside; False if there are too many to go on."""
        self._kills += 1
        item = self._queue[0] if self._queue else None
        if item is not None and self._buffers[item.buffer].started_at:
            item.num_kills += 1
        is_bearable = item is None or item.num_kills <= _MAX_KILLS
        return is_bearable and self._kills < _MAX_KILLS_IN_ROW

    def _fail_current(self, fault: str, stderr: str, *, is_slow: bool) -> bool:
        """Give the request that the process was at, if it was at one, its failure as result."""
        started_at = self._buffers[self._queue[0].buffer].started_at if self._queue else 0.0
        if not started_at:
            return False
        request = self._queue[0].request
        if stderr:
            fault = f"{fault}; last printed: {stderr.splitlines()[-1][:300]}"
        error_type = VideoTimeoutError if is_slow else VideoError
        error = error_type(get_request_name(request), fault)
        self._replace_buffer(self._queue[0].buffer)
        self._accept(Result(request, None, {}, error, time.monotonic() - started_at))
        return True

    def _replace_buffers(self) -> None:
        """Forget cancelled work, and give the rest memory that the old process cannot reach.

        Even a killed process may write a little longer: from another thread, or in the kernel.
        """
        active = [item for item in self._queue if not item.is_cancelled]
        for item in self._queue:
            self._replace_buffer(item.buffer)
            if item.is_cancelled:
                self._free_buffers.append(item.buffer)
        self._queue = deque(active)

    def _replace_buffer(self, buffer: int) -> None:
        self._buffers[buffer].close()
        self._buffers[buffer] = SharedBuffer(open_anonymous_file())
