"""Files and folders that are written whole or not at all, also when the power goes.

Whether a folder can be written and has room is found out before hours of work.
"""

import contextlib
import difflib
import glob
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from videomae2.base.file_kinds import read_regular_file
from videomae2.base.names import path_of_uri, shorten_name
from videomae2.base.text import format_bytes
from videomae2.errors import CheckpointError

DIGESTS_FILE = "digests.json"
"""In a folder that was saved whole: the SHA-256 of each of its files, by name."""

_MAX_NAMES = 5000
"""Names of a folder that are compared with a misspelt one."""


def path_exists(path: Path) -> bool:
    """Whether a path is there, with a home folder that is written ~."""
    return os.path.exists(os.path.expanduser(path))


def path_hint(path: Path) -> str:
    """Say how much of a path exists, or that it is none, and what may be meant."""
    if (plain := path_of_uri(str(path))) != str(path):
        return f"; it is an address, and a path is wanted: {plain}"
    if re.match(r"[A-Za-z][\w+.-]+:/", str(path)):
        return "; it is an address, and files of this machine are wanted: save it as one first"
    full = Path(os.path.abspath(os.path.expanduser(path)))
    existing = next(parent for parent in full.parents if parent.is_dir())
    missing = full.relative_to(existing).parts[0]
    if near := _find_near_name(existing, missing):
        return f"; {existing} is there, without {missing}: did you mean {existing / near}?"
    return f"; {existing} is there, without {missing}: is it misspelt, or its disk not mounted?"


def _find_near_name(folder: Path, name: str) -> str | None:
    """A name that differs by little before its ending: every clip.mp4 is like any other .mp4."""
    try:
        with os.scandir(folder) as entries:
            names = {Path(entry.name).stem: entry.name for entry in islice(entries, _MAX_NAMES)}
    except OSError:
        return None
    near = difflib.get_close_matches(Path(name).stem, names, n=1, cutoff=0.75)
    return names[near[0]] if near else None


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


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a name to write to; it becomes the wanted name if all went well, else it is removed.

    The name is the process's own: several may write the same file, and the last one wins.
    """
    partial = build_partial_path(path)
    remove_dead_partials(path.parent, f".{shorten_name(path.name)}.")
    try:
        yield partial
        fsync_tree(partial)
        partial.replace(path)
        fsync_dir(path.parent)
    except OSError as error:
        # of a full disk nothing says which file; without a number its text is all there is
        if error.errno is not None and error.filename in (None, os.fspath(partial)):
            error.filename, error.filename2 = os.fspath(path), None
        raise
    finally:
        partial.unlink(missing_ok=True)


def build_partial_path(path: Path) -> Path:
    """The name under which this process writes a file that is to be whole or not there at all."""
    # other machines have other processes
    node = os.uname().nodename[:32]
    return path.with_name(f".{shorten_name(path.name)}.{node}.{os.getpid()}.partial")


def remove_dead_partials(folder: Path, prefix: str = ".") -> None:
    """Remove what killed processes of this machine have left; those that live write on."""
    node = os.uname().nodename[:32]
    for partial in folder.glob(f"{glob.escape(prefix)}*.partial"):
        name = partial.name.removesuffix(".partial")
        if not name.removesuffix(pid := name.rpartition(".")[2]).endswith(f".{node}."):
            continue
        try:
            os.kill(int(pid), 0)
        except (ProcessLookupError, OverflowError):
            partial.unlink(missing_ok=True)
        except (ValueError, PermissionError):
            continue  # no process's name, or the process of another user


def atomic_write_text(path: Path, text: str) -> Path:
    """Write a text in UTF-8, whole or not at all; odd bytes of names stay as they are."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="surrogateescape")
    return path


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
        _write_digests(partial)
        fsync_tree(partial)
        if folder.exists():
            folder.rename(backup)
        partial.rename(folder)
        fsync_dir(folder.parent)
    except BaseException as error:  # whatever it was, a full disk wants its room back
        shutil.rmtree(partial, ignore_errors=True)
        recover_dir(folder)
        if isinstance(error, OSError):
            raise CheckpointError(f"cannot save {folder}: {error}") from error
        raise
    shutil.rmtree(backup, ignore_errors=True)


def _write_digests(folder: Path) -> None:
    """Note what each file of a folder holds, for ``check_digest``."""
    digests = {
        path.relative_to(folder).as_posix(): _compute_digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    (folder / DIGESTS_FILE).write_text(json.dumps(digests, indent=1) + "\n", encoding="utf-8")


def check_digest(path: Path) -> None:
    """Refuse a file that is not what was saved: disks and networks flip bits in silence.

    A folder without digests was not saved by us, and its files are taken as they are.

    Raises:
        CheckpointError: It, or the list of digests, is damaged.
    """
    try:
        digests = json.loads(read_regular_file(path.parent / DIGESTS_FILE))
        expected = digests.get(path.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"cannot read {path.parent / DIGESTS_FILE}: {error}") from error
    if expected is not None and path.is_file() and _compute_digest(path) != expected:
        raise CheckpointError(
            f"{path} is damaged: it does not hold what was saved, which {DIGESTS_FILE} beside it "
            f"knows; take another copy, or if it was changed on purpose, delete {DIGESTS_FILE}"
        )


def _compute_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recover_dir(folder: Path) -> None:
    """Put back what ``atomic_replace_dir`` had moved when the program was killed in between."""
    backup = build_temporary_paths(folder)[1]
    if backup.exists() and not folder.exists():
        backup.rename(folder)


def remove_dir(folder: Path) -> None:
    """Delete a folder; first under another name, so that no half of it looks whole."""
    partial, _ = build_temporary_paths(folder)
    shutil.rmtree(partial, ignore_errors=True)
    folder.rename(partial)
    shutil.rmtree(partial, ignore_errors=True)


def build_temporary_paths(folder: Path) -> tuple[Path, Path]:
    """What a kill may leave beside a folder that is written: its unfinished self, and the old."""
    return folder.with_name(f".{folder.name}.partial"), folder.with_name(f".{folder.name}.bak")


def check_writable(
    folder: Path, needed_bytes: int, *, dry_run: bool = False, remedy: str = ""
) -> None:
    """Find out before hours of work whether a folder can be written and has room.

    Args:
        folder: The folder; it is made where it is not there.
        needed_bytes: How much will be written.
        dry_run: Find it out as far as that goes without making or writing anything.
        remedy: What else helps where there is too little room, for the message.

    Raises:
        CheckpointError: If it cannot, or has less room than ``needed_bytes``.
    """
    if dry_run:
        _check_disk_space(_check_permissions(folder), needed_bytes, remedy)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe_file = folder / f".probe-{os.getpid()}"
        probe_file.write_bytes(b"x")
        probe_file.unlink()
    except OSError as error:
        raise CheckpointError(f"cannot write to {folder}: {error.strerror}") from error
    _check_disk_space(folder, needed_bytes, remedy)


def _check_permissions(folder: Path) -> Path:
    """Give the folder, or the nearest one above it that is there."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise CheckpointError(f"cannot write to {folder}: {existing} is a file")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise CheckpointError(f"cannot write to {folder}: {existing} does not allow it")
    return existing


def _check_disk_space(folder: Path, needed_bytes: int, remedy: str) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise CheckpointError(
            f"{folder} has {format_bytes(free_bytes)} free, and what is written there will need "
            f"{format_bytes(needed_bytes)}; free some room" + (f", {remedy}" if remedy else "")
        )
