"""Checkpoints: written atomically, found again, pruned.

A checkpoint is a folder ``step-00001234``, complete if it is there at all. The optimizer's state is
kept as named tensors: safe to store, independent of the groups' order.
"""

import errno
import logging
import math
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from videomae2.base.files import atomic_replace_dir, remove_dir
from videomae2.errors import CheckpointError
from videomae2.tensors.files import load_tensors, save_tensors

_logger = logging.getLogger(__name__)

_FOLDER_NAME = re.compile(r"step-(\d{8,})")
_DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)


class CheckpointManager:
    """The checkpoints of one run."""

    def __init__(
        self, folder: Path, *, keep_latest_k: int = 2, keep_interval: int | None = None
    ) -> None:
        self.folder = folder
        self.keep_latest_k = keep_latest_k
        self.keep_interval = keep_interval

    def save(self, step: int, write: Callable[[Path], None]) -> Path:
        """Fill a folder with ``write`` and make it the checkpoint of a step.

        Raises:
            CheckpointError: If the disk is full or cannot be written; older checkpoints are as
                they were, and nothing half-written stays behind.
        """
        final = self._build_path(step)
        try:
            atomic_replace_dir(final, write)
        except RuntimeError as error:
            raise CheckpointError(f"cannot save {final}: {error}") from error
        self.prune()
        return final

    def save_freeing_space(self, step: int, write: Callable[[Path], None]) -> Path:
        """Save what no later save can make up for; where there is no room, older ones give way.

        They go oldest first; the newest stays, and those that are kept for good. As ``save`` else.
        """
        while True:
            try:
                return self.save(step, write)
            except CheckpointError as error:
                deletable = [old for old in self.list_steps()[:-1] if not self._is_permanent(old)]
                cause = error.__cause__
                is_full = isinstance(cause, OSError) and cause.errno in _DISK_FULL_ERRNOS
                if not (deletable and is_full):
                    raise
                _logger.warning(
                    f"no room to save step {step}: the checkpoint of step {deletable[0]} is deleted"
                )
                remove_dir(self._build_path(deletable[0]))

    def list_steps(self) -> list[int]:
        """Steps of all complete checkpoints, oldest first."""
        if not self.folder.is_dir():
            return []
        matches = (_FOLDER_NAME.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted(int(match[1]) for match in matches if match)

    def find_latest(self, *, before: float = math.inf) -> tuple[int, Path] | None:
        """The last complete checkpoint, if there is one, or the last before a step."""
        steps = [step for step in self.list_steps() if step < before]
        return (steps[-1], self._build_path(steps[-1])) if steps else None

    def _build_path(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}"

    def _is_permanent(self, step: int) -> bool:
        return self.keep_interval is not None and step % self.keep_interval == 0

    def prune(self) -> None:
        """Remove what is neither new nor kept for good, and what was never finished."""
        for step in self.list_steps()[: -self.keep_latest_k or None]:
            if not self._is_permanent(step):
                remove_dir(self._build_path(step))
        for path in self.folder.glob(".step-*"):
            shutil.rmtree(path, ignore_errors=True)


def save_optimizer(
    optimizer: Optimizer, named_parameters: Iterable[tuple[str, nn.Parameter]], path: Path
) -> None:
    """Write every parameter's state as ``<what>/<parameter>``."""
    tensors = {
        f"{kind}/{name}": value
        for name, parameter in named_parameters
        for kind, value in optimizer.state.get(parameter, {}).items()
    }
    save_tensors(path, tensors)


def load_optimizer(
    optimizer: Optimizer, named_parameters: Iterable[tuple[str, nn.Parameter]], path: Path
) -> None:
    """Read what ``save_optimizer`` wrote; raises ``CheckpointError`` if it is not of these."""
    state: dict[str, dict[str, Tensor]] = {}
    for key, value in load_tensors(path).items():
        kind, name = key.split("/", 1)
        state.setdefault(name, {})[kind] = value
    parameters = {
        name: parameter for name, parameter in named_parameters if parameter.requires_grad
    }
    if state and state.keys() != parameters.keys():
        mismatched = sorted(state.keys() ^ parameters.keys())
        raise CheckpointError(f"{path} is the state of other parameters, such as {mismatched[0]}")
    for name, values in state.items():
        parameter = parameters[name]
        # moments take the parameter's type; the step count stays float32, as fused AdamW wants
        optimizer.state[parameter] = {
            kind: value.to(parameter.device, parameter.dtype if value.ndim else torch.float32)
            for kind, value in values.items()
        }
