"""Whether a folder can be written and has room, found out before hours of work."""

import os
import shutil
from pathlib import Path

from videomae2.errors import CheckpointError


def check_writable(folder: Path, needed_bytes: int) -> None:
    """Find out before training whether a run folder can be written and has room.

    Raises:
        CheckpointError: If it cannot, or has less room than ``needed_bytes``.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise CheckpointError(f"cannot write to {folder}: {error.strerror}") from error
    _check_room(folder, needed_bytes)


def check_would_be_writable(folder: Path, needed_bytes: int) -> None:
    """Find out the same as far as that goes without making or writing anything.

    Raises:
        CheckpointError: As ``check_writable``.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise CheckpointError(f"cannot write to {folder}: {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise CheckpointError(f"cannot write to {folder}: {there} does not allow it")
    _check_room(there, needed_bytes)


def _check_room(folder: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise CheckpointError(
            f"{folder} has {in_words(free)} free, and the checkpoints of this run need "
            f"{in_words(needed_bytes)}; free some room, choose another --out, or keep fewer with "
            f"--record.keep and --record.keep-every"
        )


def in_words(size: int) -> str:
    """Bytes as people say them."""
    return f"{size / 2**20:.1f} MiB" if size < 2**30 else f"{size / 2**30:.1f} GiB"
