"""Errors of the system in one sentence: what failed, and what to do about it."""

import contextlib
import errno
import io
import os
import resource
import sys
from typing import Any


class NamedStream(io.FileIO):
    """An open file whose errors say its name: those of a full disk name none."""

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._shown_name = name

    def write(self, content: Any) -> int:
        """Write a part of it; raises ``OSError`` with the stream's name."""
        try:
            return super().write(content)
        except OSError as error:
            error.filename = self._shown_name
            raise


def name_stream(stream: io.TextIOWrapper, name: str) -> io.TextIOWrapper:
    """The same stream with errors that name it; one that is no file of its own is as it was."""
    raw = getattr(stream.buffer, "raw", stream.buffer)  # with PYTHONUNBUFFERED there is no buffer
    if type(raw) is not io.FileIO:
        return stream
    named = NamedStream(raw.fileno(), name)
    return io.TextIOWrapper(
        named if raw is stream.buffer else io.BufferedWriter(named),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def describe_os_error(error: OSError) -> str | None:
    """Say what failed; None where neither a file nor the number of the error tells it."""
    reason, remedy = (error.strerror or str(error)).lower(), _suggest_remedy(error.errno)
    if error.filename is not None:
        return f"cannot use {error.filename}: {reason}{remedy}"
    return f"the system refused a file: {reason}{remedy}" if remedy else None


def _suggest_remedy(number: int | None) -> str:
    """What to do, with the limit that was reached; "" where that depends."""
    if number == errno.EMFILE:
        limit = _format_limit(resource.RLIMIT_NOFILE)
        return f"; this process may have {limit} open at once: raise it with ulimit -n 1024"
    if number == errno.ENFILE:
        return "; the whole machine has as many open as it may: end other programs"
    if number == errno.EFBIG:
        limit = _format_limit(resource.RLIMIT_FSIZE)
        return (
            f"; files, shared memory among them, may have {limit} bytes: raise it with "
            f"ulimit -f unlimited, or take a disk that holds larger ones"
        )
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "; free some room, or write elsewhere"
    if number == errno.ENOMEM:
        return "; the machine, or a limit of it, has too little memory: end other programs"
    return ""


def _format_limit(kind: int) -> str:
    limit = resource.getrlimit(kind)[0]
    return "any number of" if limit == resource.RLIM_INFINITY else str(limit)


def discard_output() -> None:
    """Send what is still to be printed nowhere, so that Python's end says nothing of it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
