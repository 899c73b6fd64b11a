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
        probe_file = folder / f".probe-{os.getpid()}"
        probe_file.write_bytes(b"x")
        probe_file.unlink()
    except OSError as error:
        raise CheckpointError(f"cannot write to {folder}: {error.strerror}") from error
    _check_disk_space(folder, needed_bytes)


def check_writable_dry_run(folder: Path, needed_bytes: int) -> None:
    """Find out the same as far as that goes without making or writing anything.

    Raises:
        CheckpointError: As ``check_writable``.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise CheckpointError(f"cannot write to {folder}: {existing} is a file")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise CheckpointError(f"cannot write to {folder}: {existing} does not allow it")
    _check_disk_space(existing, needed_bytes)


def _check_disk_space(folder: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise CheckpointError(
            f"{folder} has {format_bytes(free_bytes)} free, and the checkpoints of this run need "
            f"{format_bytes(needed_bytes)}; free some room, choose another --out, or keep fewer with "
            f"--checkpoint.keep-latest-k and --checkpoint.keep-interval"
        )


def format_bytes(num_bytes: int) -> str:
    """Bytes as people say them."""
    return f"{num_bytes / 2**20:.1f} MiB" if num_bytes < 2**30 else f"{num_bytes / 2**30:.1f} GiB"
