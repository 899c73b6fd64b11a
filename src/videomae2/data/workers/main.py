"""A reading process: takes requests, runs one function on each, answers, and ends with its parent.

Started as `python -m videomae2.data.workers.main CONFIG`. It imports no torch, so that it starts in
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import DTypeLike, NDArray

from videomae2.data.workers.shared_buffer import SharedBuffer
from videomae2.errors import VideoError

AllocateFn = Callable[[tuple[int, ...], DTypeLike], NDArray[Any]]
WorkerFunction = Callable[[Any, AllocateFn], tuple[Mapping[str, NDArray[Any]], Mapping[str, Any]]]
PrepareFn = Callable[[Any], None]
READY = 255  # the byte that says "started"; all others are numbers of buffers

OUTSIDE_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)

_DECODER_MODULES = ("videomae2.data.video.pyav_reader", "PIL.Image")
_GRACE_SECONDS = 10.0  # after its deadline that a process waits to be killed from outside


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerConfig:
    """What a reading process is told at its start; the numbers are open files it inherits."""

    function: str
    """`module:name` of the function to run on each request."""
    prepare: str | None
    """`module:name` of what is done with a request before its time begins."""
    requests: int
    """Pipe from which the numbers of filled buffers come."""
    results: int
    """Pipe into which the numbers of answered buffers go."""
    lifeline: int
    """Pipe that nobody writes to; it breaks when the main process is gone."""
    buffers: Sequence[int]
    inherited: Sequence[int]
    """Files that requests name."""
    timeout_seconds: float
    memory_limit_bytes: int | None


def load_function(name: str) -> WorkerFunction:
    """Import the function that `module:name` names.

    It is called with a request and with `allocate(shape, dtype)`, which gives memory that need not
    be copied to reach the main process; it returns arrays and plain values, both by name.
    """
    function: WorkerFunction = _import(name)
    return function


def load_prepare(name: str | None) -> PrepareFn:
    """Import what is done with a request before its time begins; it changes no result.

    A request is not blamed for what happens meanwhile: a process that dies or hangs there is
    replaced, and the request goes to the next one, where `prepare` does nothing the second time.
    """
    prepare: PrepareFn = _import(name) if name else lambda request: None
    return prepare


def _import(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def get_request_name(request: object) -> str:
    """The file a request is about, for messages."""
    return str(getattr(request, "path", request))


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory was refused: by Python and FFmpeg, or by the system when mapping a file."""
    return isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM


def to_video_error(
    error: Exception, request: object, *, memory_limit_bytes: int | None
) -> VideoError:
    """Say of any failure to read a video what it was; a mistake of ours is named with its line."""
    if isinstance(error, VideoError):
        return error
    if is_out_of_memory(error):
        limit = "there is" if memory_limit_bytes is None else f"{memory_limit_bytes / 1e9:g} GB"
        return VideoError(get_request_name(request), f"needs more than {limit} of memory")
    frame = traceback.extract_tb(error.__traceback__)[-1]
    location = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    return VideoError(get_request_name(request), f"{type(error).__name__}: {error} ({location})")


def main(config: WorkerConfig) -> None:
    """Run requests until the main process closes its end or dies."""
    _set_parent_death_signal(config.lifeline)
    for number in OUTSIDE_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OUTSIDE_SIGNALS)  # blocked while we were started
    _prefer_oom_kill()
    function, prepare = load_function(config.function), load_prepare(config.prepare)
    for name in _DECODER_MODULES:  # before the time of the first video runs
        with contextlib.suppress(ImportError):  # it will be said of the video that needs it
            importlib.import_module(name)
    buffers = [
        SharedBuffer(descriptor, limit=config.memory_limit_bytes) for descriptor in config.buffers
    ]
    _limit_memory(config.memory_limit_bytes)
    os.write(config.results, bytes([READY]))
    while numbers := os.read(config.requests, 1):
        _truncate_stderr()
        buffer, seconds = buffers[numbers[0]], config.timeout_seconds
        request = buffer.read_request()
        with _alarm(seconds):
            prepare(request)
        with _alarm(seconds):
            buffer.note_start()
            _serve_request(request, function, buffer, config.memory_limit_bytes)
        os.write(config.results, numbers)


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Kill us long after the time is up: the main process may be gone, its lifeline unwatched."""
    signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE_SECONDS)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0.0)


def _serve_request(
    request: object, function: WorkerFunction, buffer: SharedBuffer, memory_limit_bytes: int | None
) -> None:
    started = time.perf_counter()
    try:
        arrays, meta = function(request, buffer.allocate)
        buffer.write_result(arrays, dict(meta), time.perf_counter() - started)
    except Exception as error:
        reason = to_video_error(error, request, memory_limit_bytes=memory_limit_bytes)
        seconds = time.perf_counter() - started
        buffer.write_error(reason, seconds, out_of_memory=is_out_of_memory(error))


def _set_parent_death_signal(lifeline: int) -> None:
    """Let the kernel kill this process when the other end of the pipe closes, hung or not.

    PR_SET_PDEATHSIG would kill it with the *thread* that started it, which a pool may outlive.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
            flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
            fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)


def _prefer_oom_kill() -> None:
    """When the machine runs out of memory, the kernel shall take this process, not the training."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")


def _limit_memory(limit_bytes: int | None) -> None:
    if limit_bytes is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit_bytes = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
        with contextlib.suppress(OSError, ValueError):  # not every system has this limit
            resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, hard))


def _truncate_stderr() -> None:
    """Empty the file that takes what libraries print, so that it holds one video's lines."""
    with contextlib.suppress(OSError):
        os.lseek(2, 0, os.SEEK_SET)
        os.ftruncate(2, 0)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the main process is gone, and so are we
        main(WorkerConfig(**json.loads(sys.argv[1])))
