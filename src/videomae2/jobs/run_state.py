"""What a training run is at a step, and how that is saved and found again."""

from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file
from torch import nn
from torch.optim import AdamW

from videomae2.data.quarantine import Quarantine
from videomae2.engine.averages import RunningMean
from videomae2.engine.checkpoints import Checkpoints, read_tensors
from videomae2.engine.optimizer_state import load_optimizer, save_optimizer
from videomae2.errors import CheckpointError
from videomae2.jobs.work import Say, Work
from videomae2.models.chosen import MEAN_FILE

_OPTIMIZER_FILE = "optimizer.safetensors"


@dataclass(frozen=True, slots=True)
class RunState:
    """All that changes from step to step."""

    work: Work
    model: nn.Module
    optimizer: AdamW
    mean: RunningMean | None
    quarantine: Quarantine
    checkpoints: Checkpoints

    def save(self, step: int, say: Say, *, is_last: bool) -> None:
        """Save; a failure says where a resume will start.

        Args:
            step: Steps that are done.
            say: Is told of older checkpoints that were deleted.
            is_last: No later save can make up for it, so older ones may be deleted.

        Raises:
            CheckpointError: It could not be saved.
        """
        try:
            if is_last:
                self.checkpoints.save_last(step, lambda folder: self._write(folder, step), say=say)
            else:
                self.checkpoints.save(step, lambda folder: self._write(folder, step))
        except CheckpointError as error:
            newest = self.checkpoints.newest()
            start = f"at step {newest[0]}" if newest else "from the beginning"
            raise CheckpointError(f"{error} (a resume would now start {start})") from error

    def load(self, say: Say) -> int:
        """Go on from the newest checkpoint; give the first step to do.

        Raises:
            CheckpointError: It cannot be read; says which folder to delete.
        """
        newest = self.checkpoints.newest()
        if newest is None:
            return 0
        step, folder = newest
        try:
            self._read(folder)
        except CheckpointError as error:
            raise CheckpointError(f"{error}; {self._way_out(folder)}") from error
        say(f"resume   at step {step} from {folder}")
        return step

    def _write(self, folder: Path, step: int) -> None:
        # Without it a resume would read what was left out before this step, and then differ.
        self.quarantine.secure()
        self.work.save(folder, step)
        save_optimizer(self.optimizer, self.model.named_parameters(), folder / _OPTIMIZER_FILE)
        if self.mean is not None:
            save_file({n: v.cpu() for n, v in self.mean.values.items()}, folder / MEAN_FILE)

    def _read(self, folder: Path) -> None:
        self.work.load(folder)
        load_optimizer(self.optimizer, self.model.named_parameters(), folder / _OPTIMIZER_FILE)
        if self.mean is not None:
            self.mean.load(read_tensors(folder / MEAN_FILE))

    def _way_out(self, broken: Path) -> str:
        """What to do about a checkpoint that cannot be read."""
        older = self.checkpoints.before_newest()
        if older is None:
            return f"it is the only checkpoint: delete {broken} to start from the beginning"
        return f"delete {broken} to go on at step {older[0]} from {older[1]}"
