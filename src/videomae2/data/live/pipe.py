"""Bytes of a pipe for FFmpeg, with a limit of time; and what standard input holds."""

import os
import select
import stat
import time
from collections.abc import Callable

from videomae2.data.video.reader import format_os_error
from videomae2.errors import VideoError, VideoTimeoutError

_CHUNK = 1 << 16
_POLL_MS = 100
_TEXT_VIDEO = b"YUV4MPEG2 "
"""Videos that begin as text; all others have a zero byte early, which no path has."""


def peek_standard_input(descriptor: int) -> tuple[bytes, bool]:
    """Wait for the first bytes of an open file: give them, and whether they are those of a video.

    Of a file, which can be read again, none are given.
    """
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        head = os.pread(descriptor, _CHUNK, os.lseek(descriptor, 0, os.SEEK_CUR))
        return b"", looks_like_video(head)
    head = os.read(descriptor, _CHUNK)
    return head, looks_like_video(head)


def looks_like_video(head: bytes) -> bool:
    """Whether bytes are no paths, one a line, but what a program writes of a video."""
    return b"\0" in head or head.startswith(_TEXT_VIDEO)


def open_pipe(path: str) -> int:
    """Open a FIFO without waiting for who writes to it.

    Raises:
        VideoError: It cannot be opened.
    """
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise VideoError(path, f"it cannot be opened: {format_os_error(error)}") from error


class PipeFile:
    """What FFmpeg reads of an open descriptor.

    Args:
        descriptor: A pipe, or a file; only a file can be read again.
        name: For messages.
        head: Bytes that were read of it before.
        wait_seconds: How long to wait for bytes, at every wait.
        is_stopped: Whether nobody wants more; then the pipe seems to end.
    """

    def __init__(
        self,
        descriptor: int,
        name: str,
        *,
        head: bytes = b"",
        wait_seconds: Callable[[], float],
        is_stopped: Callable[[], bool],
    ) -> None:
        self._descriptor, self._path, self._head = descriptor, name, head
        self.first_bytes = b""
        self._wait_seconds, self._is_stopped = wait_seconds, is_stopped
        self._is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def read(self, size: int) -> bytes:
        """Give some bytes, at least one before the end.

        Raises:
            VideoTimeoutError: None came in time.
        """
        data = self._read(size)
        self.first_bytes = self.first_bytes or data[:16]
        return data

    def _read(self, size: int) -> bytes:
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
            return data
        seconds = self._wait_seconds()
        end = time.monotonic() + seconds
        while not self._is_stopped():
            if self._is_file or self._poll.poll(_POLL_MS):
                try:
                    return os.read(self._descriptor, size)
                except BlockingIOError:  # somebody else took what was there
                    continue
            if time.monotonic() > end:
                raise VideoTimeoutError(self._path, f"nothing was written to it for {seconds:g} s")
        return b""

    def seekable(self) -> bool:
        """Whether it can be read again."""
        return self._is_file

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place, of a file."""
        return os.lseek(self._descriptor, offset, whence)

    def tell(self) -> int:
        """Where the next byte is read, of a file."""
        return os.lseek(self._descriptor, 0, os.SEEK_CUR)
