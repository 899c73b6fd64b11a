"""A reading process as the main process sees it: start, send, poll, kill, and say how it ended."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict

from videomae2.data.workers.main import OUTSIDE_SIGNALS, WorkerConfig
from videomae2.data.workers.shared_buffer import open_anonymous_file
from videomae2.errors import VideoMAE2Error

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

_HINTS = {
    int(signal.SIGKILL): ", perhaps for lack of memory",
    int(signal.SIGALRM): ", long after its time was up",
}

_STDERR_TAIL_BYTES = 4000  # bytes of what it printed that are quoted


class WorkerProcess:
    """A reading process, in a session of its own so that no terminal reaches it.

    Raises:
        VideoMAE2Error: The system does not allow another process.
    """

    def __init__(
        self,
        function: str,
        *,
        prepare: str | None,
        buffers: Sequence[int],
        inherited: Sequence[int],
        timeout_seconds: float,
        memory_limit_bytes: int | None,
    ) -> None:
        child_requests, self._requests = os.pipe()
        self.results, child_results = os.pipe()
        lifeline, self._lifeline = os.pipe()
        self._stderr = open_anonymous_file()
        self._open_files = [self._requests, self.results, self._lifeline, self._stderr]
        config = WorkerConfig(
            function=function,
            prepare=prepare,
            requests=child_requests,
            results=child_results,
            lifeline=lifeline,
            buffers=buffers,
            inherited=inherited,
            timeout_seconds=timeout_seconds,
            memory_limit_bytes=memory_limit_bytes,
        )
        try:
            self._popen = _start_process(config, self._stderr)
        except OSError as error:
            self._close()
            raise VideoMAE2Error(f"cannot start a reading process: {error}") from error
        finally:
            for descriptor in (child_requests, child_results, lifeline):
                os.close(descriptor)

    @property
    def pid(self) -> int:
        return self._popen.pid

    def send(self, buffer: int) -> None:
        """Say that the buffer holds a request; never waits, since the pipe holds thousands."""
        with contextlib.suppress(BrokenPipeError):  # it is dead, as reading will tell
            os.write(self._requests, bytes([buffer]))

    def poll(self) -> bytes:
        """Give the buffers answered since the last call, one byte each; nothing: it is dead."""
        return os.read(self.results, 4096)

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

    def read_stderr_tail(self) -> str:
        """What it, or a library in it, printed last."""
        size = os.fstat(self._stderr).st_size
        data = os.pread(self._stderr, _STDERR_TAIL_BYTES, max(0, size - _STDERR_TAIL_BYTES))
        return data.decode(errors="replace").strip()

    def describe_exit(self) -> str:
        """Tell why a process that has fallen silent is dead."""
        if not self.is_gone(within_seconds=5.0):
            return "fell silent"
        code = self._popen.returncode
        if code >= 0:
            return f"ended with code {code}"
        name = next((each.name for each in signal.Signals if each == -code), "unknown")
        return f"died with signal {-code} ({name}{_HINTS.get(-code, '')})"

    def was_killed(self) -> bool:
        """Whether it died by SIGKILL, which no decoder raises: somebody, or the system, did."""
        return self.is_gone(within_seconds=5.0) and -self._popen.returncode == signal.SIGKILL

    def _close(self) -> None:
        while self._open_files:
            os.close(self._open_files.pop())


def _start_process(config: WorkerConfig, stderr: int) -> subprocess.Popen[bytes]:
    # -P and our own path: the same modules as here, whatever lies in the current folder.
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    pipes = config.requests, config.results, config.lifeline
    # The child begins with the outside signals blocked: it is not yet able to ignore them.
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, OUTSIDE_SIGNALS)
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "videomae2.data.workers.main", json.dumps(asdict(config))],
            pass_fds=(*pipes, *config.buffers, *config.inherited),
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": path},
            start_new_session=True,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)
