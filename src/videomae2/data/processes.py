"""A reading process as the main process sees it: start, send, hear, kill, and say how it ended."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence

from videomae2.data.slots import unnamed_file
from videomae2.data.worker_main import OUTSIDE_SIGNALS, Orders
from videomae2.errors import VideoMAE2Error

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_HINTS = {
    int(signal.SIGKILL): ", perhaps for lack of memory",
    int(signal.SIGALRM): ", long after its time was up",
}
_LAST_WORDS = 4000  # bytes of what it printed that are quoted


class Process:
    """A reading process, in a session of its own so that no terminal reaches it.

    Args:
        function: `module:name` of what it runs.
        slots: Open files of its slots.
        deadline_seconds: Time for one request.
        memory_bytes: Most private memory it may take.

    Raises:
        VideoMAE2Error: The system does not allow another process.
    """

    def __init__(
        self,
        function: str,
        *,
        slots: Sequence[int],
        deadline_seconds: float,
        memory_bytes: int | None,
    ) -> None:
        requests, self._requests = os.pipe()
        self.answers, answers = os.pipe()
        lifeline, self._lifeline = os.pipe()
        self._noise = unnamed_file()
        self._open = [self._requests, self.answers, self._lifeline, self._noise]
        orders = Orders(
            function=function,
            requests=requests,
            answers=answers,
            lifeline=lifeline,
            slots=tuple(slots),
            deadline_seconds=deadline_seconds,
            memory_bytes=memory_bytes,
        )
        try:
            self._popen = _start(orders, self._noise)
        except OSError as error:
            self._close()
            raise VideoMAE2Error(f"cannot start a reading process: {error}") from error
        finally:
            for descriptor in (requests, answers, lifeline):
                os.close(descriptor)

    @property
    def pid(self) -> int:
        return self._popen.pid

    def send(self, slot: int) -> None:
        """Say that the slot holds a request; never waits, since the pipe holds thousands."""
        with contextlib.suppress(BrokenPipeError):  # it is dead, as reading will tell
            os.write(self._requests, bytes([slot]))

    def hear(self) -> bytes:
        """Give the slots answered since the last call, one byte each; nothing: it is dead."""
        return os.read(self.answers, 4096)

    def kill(self) -> None:
        """End it at once, without waiting until it is gone; again does nothing."""
        self._popen.kill()
        self._close()

    def is_gone(self, *, within_seconds: float = 0.0) -> bool:
        """Whether the system has let go of it; one stuck in the kernel stays for a while."""
        try:
            self._popen.wait(within_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def last_words(self) -> str:
        """What it, or a library in it, printed last."""
        size = os.fstat(self._noise).st_size
        data = os.pread(self._noise, _LAST_WORDS, max(0, size - _LAST_WORDS))
        return data.decode(errors="replace").strip()

    def how_it_ended(self) -> str:
        """Tell why a process that has fallen silent is dead."""
        if not self.is_gone(within_seconds=5.0):
            return "fell silent"
        code = self._popen.returncode
        if code >= 0:
            return f"ended with code {code}"
        return f"died with signal {-code} ({_signal_name(-code)}{_HINTS.get(-code, '')})"

    def _close(self) -> None:
        while self._open:
            os.close(self._open.pop())


def _signal_name(number: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(number).name
    return "unknown"


def _start(orders: Orders, noise: int) -> subprocess.Popen[bytes]:
    # -P and our own path: the same modules as here, whatever lies in the current folder.
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    with _signals_held_back():
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "videomae2.data.worker_main", orders.to_json()],
            pass_fds=(orders.requests, orders.answers, orders.lifeline, *orders.slots),
            stdin=subprocess.DEVNULL,
            stdout=noise,
            stderr=noise,
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": path},
            start_new_session=True,
        )


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """Let the child begin with the outside signals blocked: it is not yet able to ignore them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, OUTSIDE_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
