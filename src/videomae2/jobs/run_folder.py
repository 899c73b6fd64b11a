"""The folder of a run: who may write to it, what it was started with, where it can go on."""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from types import TracebackType

from videomae2.config import Run, differences, load, save
from videomae2.config.differences import SAME_RESULTS
from videomae2.errors import CheckpointError, ConfigError
from videomae2.jobs.video_lists import VideoList, other_files, other_list, with_known_files
from videomae2.jobs.whole_files import written_whole

RUN_FILE = "run.yaml"
VIDEOS_FILE = "videos.json"


class RunLock:
    """Holds a run folder for one process; the lock is gone when the process is."""

    def __init__(self, folder: Path, *, doing: str = "training") -> None:
        self.folder, self.doing = folder, doing
        self._file: int | None = None

    def __enter__(self) -> "RunLock":
        self._file = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise CheckpointError(
                f"another process is {self.doing} in {self.folder}; wait for it, stop it, or "
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


def check_same_run(
    run: Run, lists: Sequence[VideoList], compared: frozenset[str] = SAME_RESULTS
) -> None:
    """Refuse to go on in a folder whose run was another one.

    Args:
        run: What would go on.
        lists: What its lists say.
        compared: Settings that may differ: they change no result, or the caller has compared them.

    Raises:
        ConfigError: With every difference that matters, old and new.
    """
    folder = run.record.out
    problems = []
    if (folder / RUN_FILE).exists():
        old = load(type(run), folder / RUN_FILE)
        problems = [
            f"  {d.path}: {d.old} -> {d.new}" for d in differences(old, run, compared) if d.matters
        ]
    if (folder / VIDEOS_FILE).exists():
        problems += _changed_lists(folder, lists)
    if problems:
        raise ConfigError(
            f"{folder} holds a run that differs, so it cannot go on as this one:\n"
            + "\n".join(problems)
            + "\nuse the old values, or another --out; without the checkpoints in "
            + f"{folder / 'checkpoints'} it would start over"
        )


def record(run: Run, lists: Sequence[VideoList]) -> None:
    """Write what the run is made of: its configuration and its lists of videos."""
    folder = run.record.out
    save(run, folder / RUN_FILE)
    before = _read_lists(folder / VIDEOS_FILE) if (folder / VIDEOS_FILE).exists() else []
    lists = [with_known_files(was, now) for was, now in zip_longest(before, lists) if now]
    with written_whole(folder / VIDEOS_FILE) as partial:
        partial.write_text(json.dumps([asdict(one) for one in lists], indent=1) + "\n")


def _changed_lists(folder: Path, lists: Sequence[VideoList]) -> Iterator[str]:
    """Name the lists that do not say what they said, or whose files are others.

    Lists are told by their place in the configuration: a folder may have moved to another name.
    """
    for was, now in zip_longest(_read_lists(folder / VIDEOS_FILE), lists):
        (name, *_) = (one.source for one in (was, now) if one)
        if changed := other_list(was, now):
            yield f"  videos of {name}: {changed}"
        elif changed := other_files(was, now):
            yield (
                f"  videos of {name}: {changed}; if they are meant to be in the place of the old "
                f"ones, delete {folder / VIDEOS_FILE} to go on with them"
            )


def _read_lists(path: Path) -> list[VideoList]:
    """What the lists said when the run was last begun.

    Raises:
        ConfigError: The file is not ours, or not whole.
    """
    try:
        return [VideoList(**one) for one in json.loads(path.read_text())]
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}; it says what the lists of videos were, delete it to "
            f"go on without comparing them"
        ) from error
