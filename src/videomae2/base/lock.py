"""Locks that are gone when their process is: on a folder that only one may write to, or on names.

``flock`` itself and not filelock: where a file system has no locks, some versions of that fall back
to a file that means "locked" by being there, and outlives a killed process.
"""

import contextlib
import errno
import fcntl
import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from videomae2.errors import CheckpointError

_logger = logging.getLogger(__name__)


class FolderLock:
    """Holds a folder for one process, between ``acquire`` and ``release`` or in a ``with``.

    Args of the constructor:
        folder: A folder that exists.
        activity: What the process does there, for the message to another one.
        flag: The setting by which another folder is chosen.
    """

    def __init__(self, folder: Path, *, activity: str = "training", flag: str = "--out") -> None:
        self.folder, self.activity, self.flag = folder, activity, flag
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock; where the file system has none, such as some network disks, only warn.

        Raises:
            CheckpointError: Another process holds it.
        """
        file = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:  # the latter on some network disks
            os.close(file)
            raise CheckpointError(
                f"another process is {self.activity} in {self.folder}; wait for it, stop it, or "
                f"choose another {self.flag}"
            ) from error
        except OSError as error:
            _logger.warning(
                f"{self.folder} cannot be locked ({error.strerror}): do not let two processes "
                f"write there at once"
            )
        self._file = file

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> "FolderLock":
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class NameLocks:
    """Locks on names, each held by one process at a time: processes share work through a folder.

    Each is a byte of one file, as ``fcntl`` locks it: the system lets go of it with the process,
    and none that was started from there holds it on. Threads of a process do not lock each other
    out, and one object at a time may be open for a folder in a process.

    Args of the constructor:
        folder: A folder that exists.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = os.open(folder / ".claims", os.O_CREAT | os.O_RDWR)
        self._has_warned = False

    def try_acquire(self, name: str) -> bool:
        """Take a lock unless another process holds it; where there are none, only warn."""
        return self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB, name)

    def release(self, name: str) -> None:
        """Give a lock back."""
        self._lock(fcntl.LOCK_UN, name)

    @contextlib.contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Wait for a lock, for moments."""
        self._lock(fcntl.LOCK_EX, name)
        try:
            yield
        finally:
            self.release(name)

    def close(self) -> None:
        """Give all of them back."""
        os.close(self._file)

    def _lock(self, operation: int, name: str) -> bool:
        place = int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:7], "big")
        try:
            fcntl.lockf(self._file, operation, 1, place)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            if not self._has_warned:
                self._has_warned = True
                _logger.warning(
                    f"{self.folder} cannot be locked ({error.strerror}): several processes would "
                    f"do the same work there"
                )
        return True
