"""Checkpoints: written whole or not at all, found again, pruned.

A checkpoint is a folder ``step-00001234``. It is filled under another name, forced to the disk,
and renamed, so a folder of that name is always complete.
"""

import errno
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from videomae2.engine.durable import secure, secure_names
from videomae2.errors import CheckpointError

_NAME = re.compile(r"step-(\d{8,})")
_UNFINISHED = "unfinished-"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NOT_SAVED = (OSError, RuntimeError, SafetensorError)  # the last is what it makes of a full disk


class Checkpoints:
    """The checkpoints of one run."""

    def __init__(self, folder: Path, *, keep: int = 2, keep_every: int | None = None) -> None:
        self.folder = folder
        self.keep = keep
        self.keep_every = keep_every

    def save(self, step: int, write: Callable[[Path], None]) -> Path:
        """Fill a folder with ``write`` and make it the checkpoint of a step.

        Raises:
            CheckpointError: If the disk is full or cannot be written; older checkpoints are as
                they were, and nothing half-written stays behind.
        """
        final = self._fill(step, write)
        self.prune()
        return final

    def save_last(
        self, step: int, write: Callable[[Path], None], *, say: Callable[[str], None]
    ) -> Path:
        """Save what no later save can make up for; where there is no room, older ones give way.

        They go oldest first; the newest stays, and those that are kept for good.

        Args:
            step: Steps that are done.
            write: Fills a folder.
            say: Is told what was deleted.

        Raises:
            CheckpointError: As ``save``.
        """
        while True:
            try:
                return self.save(step, write)
            except CheckpointError as error:
                passing = [old for old in self.steps()[:-1] if not self._is_for_good(old)]
                if not (passing and _is_for_lack_of_room(error.__cause__)):
                    raise
                say(f"no room to save step {step}: the checkpoint of step {passing[0]} is deleted")
                _remove(self._path(passing[0]))

    def _fill(self, step: int, write: Callable[[Path], None]) -> Path:
        final = self._path(step)
        partial = self.folder / f"{_UNFINISHED}{final.name}"
        try:
            _remove(partial)
            partial.mkdir(parents=True)
            write(partial)
            secure(partial)
            _remove(final)
            partial.rename(final)
            secure_names(self.folder)
        except BaseException as error:  # whatever it was, a full disk wants its room back
            _remove(partial)
            if isinstance(error, _NOT_SAVED):
                raise CheckpointError(f"cannot save {final}: {error}") from error
            raise
        return final

    def steps(self) -> list[int]:
        """Steps of all complete checkpoints, oldest first."""
        if not self.folder.is_dir():
            return []
        found = (_NAME.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted(int(match[1]) for match in found if match)

    def newest(self) -> tuple[int, Path] | None:
        """The last complete checkpoint, if there is one."""
        return self._last_of(self.steps())

    def before_newest(self) -> tuple[int, Path] | None:
        """The one before it."""
        return self._last_of(self.steps()[:-1])

    def _last_of(self, steps: list[int]) -> tuple[int, Path] | None:
        return (steps[-1], self._path(steps[-1])) if steps else None

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}"

    def _is_for_good(self, step: int) -> bool:
        return self.keep_every is not None and step % self.keep_every == 0

    def prune(self) -> None:
        """Remove what is neither new nor kept for good, and what was never finished."""
        for step in self.steps()[: -self.keep or None]:
            if not self._is_for_good(step):
                _remove(self._path(step))
        for path in self.folder.glob(f"{_UNFINISHED}*"):
            _remove(path)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a file of a checkpoint.

    Raises:
        CheckpointError: If it is missing or not whole.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error


def _is_for_lack_of_room(error: BaseException | None) -> bool:
    """Of what Python raises, or safetensors, which has the number in its text."""
    code = getattr(error, "errno", None)
    return code in _NO_ROOM or any(f"(os error {number})" in str(error) for number in _NO_ROOM)


def _remove(folder: Path) -> None:
    """Take a folder away; first under another name, so that no half of it looks complete."""
    if not folder.exists():
        return
    doomed = folder
    if not folder.name.startswith(_UNFINISHED):
        doomed = folder.with_name(f"{_UNFINISHED}removed-{folder.name}")
        shutil.rmtree(doomed, ignore_errors=True)
        folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)
