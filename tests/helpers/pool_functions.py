"""Functions that a reading process can be asked to run, most of them for the worst."""

import ctypes
import os
import signal
import sys
import time
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np

from videomae2.data.views import read
from videomae2.errors import VideoError, VideoTimeoutError


def prepare(ask):
    """Die, hang or do nothing, as `extra` says, the first time that a file is not there."""
    way, flag = ask.extra or ("", "")
    if way and not os.path.exists(flag):
        open(flag, "w").close()
        {"crash": crash, "hang": hang, "nap": lambda *_: time.sleep(0.6)}[way](ask, None)


def fill_and_crash(request):
    """Fill the cache with a decoder that a frame of one video kills."""
    _fill_with(crash, request)


def fill_and_hang(request):
    """Fill the cache with a decoder that never comes back from a frame of one video."""
    _fill_with(hang, request)


def _fill_with(act, request):
    open_video = read.open_video
    if request.path.endswith("3.npy"):
        open_video = act
    with patch.object(read, "open_video", open_video):
        read.fill_cache(request)


@dataclass(frozen=True)
class Ask:
    path: str
    act: str = "echo"
    value: float = 0
    extra: object = None


def act(ask, allocate):
    return ACTS[ask.act](ask, allocate)


def echo(ask, allocate):
    value = allocate((2, 3), np.float32)
    value[...] = ask.value
    return {"value": value}, {"path": ask.path, "seconds": {"echo": 1.0}}


def nap(ask, allocate):
    time.sleep(ask.value)
    return echo(ask, allocate)


def hang(ask, allocate):
    """Sleep in C without giving up the interpreter lock: no thread of Python runs any more."""
    ctypes.PyDLL(None).sleep(600)


def once_slow(ask, allocate):
    """Hang the first time; a file tells the next process that this was."""
    if not os.path.exists(ask.extra):
        open(ask.extra, "w").close()
        hang(ask, allocate)
    return echo(ask, allocate)


def once_late(ask, allocate):
    """Notice the first time that it took too long."""
    if not os.path.exists(ask.extra):
        open(ask.extra, "w").close()
        raise VideoTimeoutError(ask.path, "reading took longer than the limit of 1 s")
    return echo(ask, allocate)


def is_killed(ask, allocate):
    os.kill(os.getpid(), signal.SIGKILL)


def crash(ask, allocate):
    os.write(2, b"a decoder says: index out of range\n")
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(ask, allocate):
    os._exit(3)


def eat(ask, allocate):
    blocks = [np.ones(int(ask.value), np.uint8) for _ in range(100)]
    return {"value": blocks[0]}, {}


def eat_slot(ask, allocate):
    return {"value": allocate((int(ask.value),), np.uint8)}, {}


def refuse(ask, allocate):
    raise VideoError(ask.path, "it has no frames")


def stumble(ask, allocate):
    raise KeyError("nothing")


def many(ask, allocate):
    """Arrays of several kinds: in shared memory, a slice of it, of elsewhere, turned, empty."""
    frames = allocate((4, int(ask.value)), np.uint8)
    frames[...] = np.arange(4)[:, None]
    late = allocate((5,), np.int64)
    late[...] = np.arange(5)
    return {
        "frames": frames,
        "slice": frames[1:3],
        "late": late,
        "turned": np.arange(6, dtype=np.int32).reshape(2, 3).T,
        "empty": np.zeros((0, 4), np.int32),
        "number": np.array(7.5),
    }, {"size": int(ask.value)}


def report(ask, allocate):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    ignored = [number for number in signal.Signals if signal.getsignal(number) is signal.SIG_IGN]
    return {}, {
        "torch": "torch" in sys.modules,
        "threads": [os.environ[name] for name in names],
        "pid": os.getpid(),
        "session": os.getsid(0),
        "ignored": [number.name for number in ignored],
        "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    }


def decoders(ask, allocate):
    return {}, {"there": [name in sys.modules for name in ("av", "PIL.Image")]}


def noisy(ask, allocate):
    os.write(1, b"out " * 100_000)
    os.write(2, b"err " * 100_000)
    return echo(ask, allocate)


ACTS = {
    function.__name__: function
    for function in (
        *(once_slow, once_late, decoders, is_killed),
        *(echo, nap, hang, crash, leave, eat, eat_slot, refuse, stumble, many, report, noisy),
    )
}
