"""The folder of a run: who may write to it, what it was started with, where it can go on."""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from types import TracebackType

from videomae2.config import Run, diff_configs, load_config, save_config
from videomae2.config.differences import RESUME_SAFE_FIELDS
from videomae2.errors import CheckpointError, ConfigError
from videomae2.jobs.video_lists import VideoList, find_file_change, find_list_change, carry_over_files
from videomae2.jobs.whole_files import atomic_write

RUN_FILE = "run.yaml"
VIDEOS_FILE = "videos.json"


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


def check_resume_compatible(
    run: Run, lists: Sequence[VideoList], ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS
) -> None:
    """Refuse to go on in a folder whose run was another one.

    Args:
        run: What would go on.
        lists: What its lists say.
        ignored_fields: Settings that may differ: they change no result, or the caller has compared them.

    Raises:
        ConfigError: With every difference that matters, old and new.
    """
    folder = run.checkpoint.output_dir
    problems = []
    if (folder / RUN_FILE).exists():
        old = load_config(type(run), folder / RUN_FILE)
        problems = [
            f"  {d.path}: {d.old} -> {d.new}" for d in diff_configs(old, run, ignored_fields) if d.affects_results
        ]
    if (folder / VIDEOS_FILE).exists():
        problems += _find_changed_lists(folder, lists)
    if problems:
        raise ConfigError(
            f"{folder} holds a run that differs, so it cannot go on as this one:\n"
            + "\n".join(problems)
            + "\nuse the old values, or another --out; without the checkpoints in "
            + f"{folder / 'checkpoints'} it would start over"
        )


def write_run_files(run: Run, lists: Sequence[VideoList]) -> None:
    """Write what the run is made of: its configuration and its lists of videos."""
    folder = run.checkpoint.output_dir
    save_config(run, folder / RUN_FILE)
    saved_lists = _load_lists(folder / VIDEOS_FILE) if (folder / VIDEOS_FILE).exists() else []
    lists = [carry_over_files(saved, current) for saved, current in zip_longest(saved_lists, lists) if current]
    with atomic_write(folder / VIDEOS_FILE) as partial:
        partial.write_text(json.dumps([asdict(entry) for entry in lists], indent=1) + "\n")


def _find_changed_lists(folder: Path, lists: Sequence[VideoList]) -> Iterator[str]:
    """Name the lists that do not say what they said, or whose files are others.

    Lists are told by their place in the configuration: a folder may have moved to another name.
    """
    for saved, current in zip_longest(_load_lists(folder / VIDEOS_FILE), lists):
        (name, *_) = (video_list.source for video_list in (saved, current) if video_list)
        if change := find_list_change(saved, current):
            yield f"  videos of {name}: {change}"
        elif change := find_file_change(saved, current):
            yield (
                f"  videos of {name}: {change}; if they are meant to be in the place of the old "
                f"ones, delete {folder / VIDEOS_FILE} to go on with them"
            )


def _load_lists(path: Path) -> list[VideoList]:
    """What the lists said when the run was last begun.

    Raises:
        ConfigError: The file is not ours, or not whole.
    """
    try:
        return [VideoList(**entry) for entry in json.loads(path.read_text())]
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}; it says what the lists of videos were, delete it to "
            f"go on without comparing them"
        ) from error
