"""A reading process: takes requests, runs one function on each, answers, and ends with its parent.

Started as `python -m videomae2.data.worker_main ORDERS`. It imports no torch, so that it starts in
a quarter of a second; and it survives every signal that a terminal or a batch system sends to all
processes of a job, because the training run may want its last batches while it saves.
"""

import contextlib
import errno
import fcntl
import importlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from numpy.typing import DTypeLike, NDArray

from videomae2.data.slots import Slot
from videomae2.errors import VideoError

Allocate = Callable[[tuple[int, ...], DTypeLike], NDArray[Any]]
Function = Callable[[Any, Allocate], tuple[Mapping[str, NDArray[Any]], Mapping[str, Any]]]

READY = 255  # the byte that says "started"; all others are numbers of slots
OUTSIDE_SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
_DECODERS = ("videomae2.data.video", "PIL.Image")
_SPARE_SECONDS = 10.0  # after its deadline that a process waits to be killed from outside


@dataclass(frozen=True, kw_only=True, slots=True)
class Orders:
    """What a reading process is told at its start; the numbers are open files it inherits."""

    function: str
    """`module:name` of the function to run on each request."""
    requests: int
    """Pipe from which the numbers of filled slots come."""
    answers: int
    """Pipe into which the numbers of answered slots go."""
    lifeline: int
    """Pipe that nobody writes to; it breaks when the main process is gone."""
    slots: tuple[int, ...]
    deadline_seconds: float
    memory_bytes: int | None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Orders":
        fields = json.loads(text)
        return cls(**fields | {"slots": tuple(fields["slots"])})


def load_function(name: str) -> Function:
    """Import the function that `module:name` names.

    It is called with a request and with `allocate(shape, dtype)`, which gives memory that need not
    be copied to reach the main process; it returns arrays and plain values, both by name.
    """
    module, _, attribute = name.partition(":")
    function: Function = getattr(importlib.import_module(module), attribute)
    return function


def name_of(request: object) -> str:
    """The file a request is about, for messages."""
    return str(getattr(request, "path", request))


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory was refused: by Python and FFmpeg, or by the system when mapping a file."""
    return isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM


def explain(error: Exception, request: object, *, memory_bytes: int | None) -> VideoError:
    """Say of any failure to read a video what it was; a mistake of ours is named with its line."""
    if isinstance(error, VideoError):
        return error
    if is_out_of_memory(error):
        most = "there is" if memory_bytes is None else f"{memory_bytes / 1e9:g} GB"
        return VideoError(name_of(request), f"needs more than {most} of memory")
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(place.filename)}:{place.lineno}"
    return VideoError(name_of(request), f"{type(error).__name__}: {error} ({where})")


def main(orders: Orders) -> None:
    """Answer requests until the main process closes its end or dies."""
    _die_with_parent(orders.lifeline)
    _ignore_outside_signals()
    _be_the_first_to_go()
    function = load_function(orders.function)
    _load_decoders()
    slots = [Slot(descriptor, limit=orders.memory_bytes) for descriptor in orders.slots]
    _limit_memory(orders.memory_bytes)
    os.write(orders.answers, bytes([READY]))
    while numbers := os.read(orders.requests, 1):
        _forget_noise()
        # Should the main process be gone where the lifeline is not watched: an alarm kills us.
        signal.setitimer(signal.ITIMER_REAL, orders.deadline_seconds + _SPARE_SECONDS)
        _serve(function, slots[numbers[0]], orders.memory_bytes)
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        os.write(orders.answers, numbers)


def _serve(function: Function, slot: Slot, memory_bytes: int | None) -> None:
    started, request = time.perf_counter(), None
    try:
        request = slot.read_request()
        arrays, meta = function(request, slot.allocate)
        slot.write_answer(arrays, dict(meta), time.perf_counter() - started)
    except Exception as error:
        reason = explain(error, request, memory_bytes=memory_bytes)
        seconds = time.perf_counter() - started
        slot.write_error(reason, seconds, exhausted=is_out_of_memory(error))


def _die_with_parent(lifeline: int) -> None:
    """Let the kernel kill this process when the other end of the pipe closes, hung or not.

    PR_SET_PDEATHSIG would kill it with the *thread* that started it, which a pool may outlive.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
            flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
            fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)


def _ignore_outside_signals() -> None:
    for number in OUTSIDE_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OUTSIDE_SIGNALS)  # blocked while we were started


def _be_the_first_to_go() -> None:
    """When the machine runs out of memory, the kernel shall take this process, not the training."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")


def _load_decoders() -> None:
    """Import what reading will import, before the time of the first video runs."""
    for name in _DECODERS:
        with contextlib.suppress(ImportError):  # it will be said of the video that needs it
            importlib.import_module(name)


def _limit_memory(most: int | None) -> None:
    if most is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):  # not every system has this limit
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _forget_noise() -> None:
    """Empty the file that takes what libraries print, so that it holds one video's lines."""
    with contextlib.suppress(OSError):
        os.lseek(2, 0, os.SEEK_SET)
        os.ftruncate(2, 0)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the main process is gone, and so are we
        main(Orders.from_json(sys.argv[1]))
