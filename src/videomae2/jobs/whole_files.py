"""Files and folders that are written whole or not at all, also when the power goes."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from videomae2.engine.durable import fsync_tree, fsync_dir
from videomae2.errors import CheckpointError

_SAVE_ERRORS = (OSError, SafetensorError)  # the last is what it makes of a full disk


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a name to write to; it becomes the wanted name if all went well, else it is removed."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        fsync_tree(partial)
        partial.replace(path)
        fsync_dir(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def atomic_replace_dir(folder: Path, write: Callable[[Path], None]) -> None:
    """Put a folder in the place of what was there, whole or not at all.

    Args:
        folder: Its name.
        write: Fills an empty folder.

    Raises:
        CheckpointError: If the disk is full or cannot be written; what was there stays, and nothing
            half-written does.
    """
    partial, backup = build_temporary_paths(folder)
    try:
        recover_dir(folder)
        for leftover in (partial, backup):
            shutil.rmtree(leftover, ignore_errors=True)
        partial.mkdir(parents=True)
        write(partial)
        fsync_tree(partial)
        if folder.exists():
            folder.rename(backup)
        partial.rename(folder)
        fsync_dir(folder.parent)
    except BaseException as error:  # whatever it was, a full disk wants its room back
        shutil.rmtree(partial, ignore_errors=True)
        recover_dir(folder)
        if isinstance(error, _SAVE_ERRORS):
            raise CheckpointError(f"cannot save {folder}: {error}") from error
        raise
    shutil.rmtree(backup, ignore_errors=True)


def recover_dir(folder: Path) -> None:
    """Put back what ``atomic_replace_dir`` had taken away when the program was killed in between."""
    backup = build_temporary_paths(folder)[1]
    if backup.exists() and not folder.exists():
        backup.rename(folder)


def build_temporary_paths(folder: Path) -> tuple[Path, Path]:
    """What a kill may leave beside a folder that is written: its unfinished self, and the old."""
    return folder.with_name(f".{folder.name}.partial"), folder.with_name(f".{folder.name}.bak")
