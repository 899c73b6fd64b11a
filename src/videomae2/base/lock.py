"""A lock on a folder that only one process may write to; it is gone when the process is."""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from videomae2.errors import CheckpointError


class FolderLock:
    """Holds a run folder for one process; the lock is gone when the process is."""

    def __init__(self, folder: Path, *, activity: str = "training") -> None:
        self.folder, self.activity = folder, activity
        self._file: int | None = None

    def __enter__(self) -> "FolderLock":
        self._file = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise CheckpointError(
                f"another process is {self.activity} in {self.folder}; wait for it, stop it, or "
                f"choose another --out"
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            os.close(self._file)
