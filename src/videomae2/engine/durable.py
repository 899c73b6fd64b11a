"""Files and folders forced to the disk: a rename after that holds through a power cut as well."""

import contextlib
import os
from pathlib import Path


def fsync_tree(path: Path) -> None:
    """Force a file to the disk, or a folder with all that is in it."""
    if not path.is_dir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
        return
    for child in path.iterdir():
        fsync_tree(child)
    fsync_dir(path)


def fsync_dir(folder: Path) -> None:
    """Force the names in a folder to the disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
