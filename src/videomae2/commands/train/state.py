"""All that changes from step to step of a run: how it is saved, and how a run resumes."""

import logging
from dataclasses import dataclass
from pathlib import Path

from torch import nn
from torch.optim import AdamW

from videomae2.commands.train.setup import TrainingSetup
from videomae2.data.loading.quarantine import Quarantine
from videomae2.errors import CheckpointError
from videomae2.models.weights.resolve import EMA_FILE
from videomae2.tensors.files import save_tensors
from videomae2.training.checkpoint import (
    CheckpointManager,
    load_optimizer,
    read_tensors,
    save_optimizer,
)
from videomae2.training.ema import EMA

_logger = logging.getLogger(__name__)

_OPTIMIZER_FILE = "optimizer.safetensors"


@dataclass(frozen=True, slots=True)
class TrainState:
    """All that changes from step to step."""

    setup: TrainingSetup
    model: nn.Module
    optimizer: AdamW
    ema: EMA | None
    quarantine: Quarantine
    checkpoints: CheckpointManager

    def save(self, step: int, *, is_last: bool) -> None:
        """Save; a failure says where a resume will start.

        Args:
            step: Steps that are done.
            is_last: No later save can make up for it, so older ones may be deleted.

        Raises:
            CheckpointError: It could not be saved.
        """
        try:
            if is_last:
                self.checkpoints.save_freeing_space(step, lambda folder: self._write(folder, step))
            else:
                self.checkpoints.save(step, lambda folder: self._write(folder, step))
        except CheckpointError as error:
            latest = self.checkpoints.find_latest()
            start = f"at step {latest[0]}" if latest else "from the beginning"
            raise CheckpointError(f"{error} (a resume would now start {start})") from error

    def load(self) -> int:
        """Go on from the newest checkpoint; give the first step to do.

        Raises:
            CheckpointError: It cannot be read; says which folder to delete.
        """
        latest = self.checkpoints.find_latest()
        if latest is None:
            return 0
        step, folder = latest
        try:
            self._read(folder)
        except CheckpointError as error:
            raise CheckpointError(f"{error}; {self._recovery_hint(folder)}") from error
        _logger.info(f"resume   at step {step} from {folder}")
        return step

    def _write(self, folder: Path, step: int) -> None:
        # Without it a resume would read what was left out before this step, and then differ.
        self.quarantine.fsync()
        self.setup.save(folder, {"step": step, "steps": self.setup.loop_config.steps})
        save_optimizer(self.optimizer, self.model.named_parameters(), folder / _OPTIMIZER_FILE)
        if self.ema is not None:
            save_tensors(folder / EMA_FILE, self.ema.values)

    def _read(self, folder: Path) -> None:
        self.setup.load(folder)
        load_optimizer(self.optimizer, self.model.named_parameters(), folder / _OPTIMIZER_FILE)
        if self.ema is not None:
            self.ema.load_values(read_tensors(folder / EMA_FILE))

    def _recovery_hint(self, broken: Path) -> str:
        """What to do about a checkpoint that cannot be read."""
        older = self.checkpoints.find_previous()
        if older is None:
            return f"it is the only checkpoint: delete {broken} to start from the beginning"
        return f"delete {broken} to go on at step {older[0]} from {older[1]}"
