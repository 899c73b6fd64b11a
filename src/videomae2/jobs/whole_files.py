"""Files and folders that are written whole or not at all, also when the power goes."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from videomae2.engine.durable import secure, secure_names
from videomae2.errors import CheckpointError

_NOT_SAVED = (OSError, SafetensorError)  # the last is what it makes of a full disk


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a name to write to; it becomes the wanted name if all went well, else it is removed."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        secure(partial)
        partial.replace(path)
        secure_names(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def write_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Put a folder in the place of what was there, whole or not at all.

    Args:
        folder: Its name.
        write: Fills an empty folder.

    Raises:
        CheckpointError: If the disk is full or cannot be written; what was there stays, and nothing
            half-written does.
    """
    partial, old = beside(folder)
    try:
        settle(folder)
        for rest in (partial, old):
            shutil.rmtree(rest, ignore_errors=True)
        partial.mkdir(parents=True)
        write(partial)
        secure(partial)
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
        secure_names(folder.parent)
    except BaseException as error:  # whatever it was, a full disk wants its room back
        shutil.rmtree(partial, ignore_errors=True)
        settle(folder)
        if isinstance(error, _NOT_SAVED):
            raise CheckpointError(f"cannot save {folder}: {error}") from error
        raise
    shutil.rmtree(old, ignore_errors=True)


def settle(folder: Path) -> None:
    """Put back what ``write_folder`` had taken away when the program was killed in between."""
    old = beside(folder)[1]
    if old.exists() and not folder.exists():
        old.rename(folder)


def beside(folder: Path) -> tuple[Path, Path]:
    """What a kill may leave beside a folder that is written: its unfinished self, and the old."""
    return folder.with_name(f".{folder.name}.partial"), folder.with_name(f".{folder.name}.old")
