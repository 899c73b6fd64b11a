"""A lock on a folder that only one process may write to; it is gone when the process is.

``flock`` itself and not filelock: where a file system has no locks, some versions of that fall back
to a file that means "locked" by being there, and outlives a killed process.
"""

import fcntl
import logging
import os
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
