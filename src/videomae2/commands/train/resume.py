"""All that changes from step to step of a run: how it is saved, and how a run resumes."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn
from torch.optim import AdamW

from videomae2.commands.train.setup import TrainingSetup
from videomae2.data.loading.quarantine import Quarantine
from videomae2.errors import CheckpointError
from videomae2.models.lora import adapter_state, merged_state
from videomae2.models.weights.config_json import ModelConfig
from videomae2.models.weights.model_ref import EMA_FILE
from videomae2.models.weights.resolve import ADAPTERS_FILE
from videomae2.models.weights.saved import check_state_dict, load_saved_state, save_model
from videomae2.tensors.files import load_tensors, save_tensors
from videomae2.training.checkpoint import CheckpointManager, load_optimizer, save_optimizer
from videomae2.training.ema import EMA

_logger = logging.getLogger(__name__)

_OPTIMIZER_FILE = "optimizer.safetensors"
_TASK_FILE = "task.safetensors"
"""Of a checkpoint: what learns beside the model, as a map of its features to a teacher's."""


@dataclass(frozen=True, slots=True)
class TrainState:
    """All that changes from step to step."""

    setup: TrainingSetup
    steps: int
    optimizer: AdamW
    ema: EMA | None
    quarantine: Quarantine
    checkpoints: CheckpointManager

    def save(self, step: int, *, is_last: bool) -> None:
        """Save; a failure is a ``CheckpointError`` that says where a resume will start.

        Where no later save can make up for the last, older checkpoints may be deleted.
        """
        save = self.checkpoints.save_freeing_space if is_last else self.checkpoints.save
        try:
            save(step, lambda folder: self._write(folder, step))
        except CheckpointError as error:
            latest = self.checkpoints.find_latest()
            start = f"at step {latest[0]}" if latest else "from the beginning"
            raise CheckpointError(f"{error} (a resume would now start {start})") from error

    def load(self) -> int:
        """Go on from the newest checkpoint; give the first step to do.

        One that cannot be read is a ``CheckpointError`` that says which folder to delete.
        """
        latest = self.checkpoints.find_latest()
        if latest is None:
            return 0
        step, folder = latest
        try:
            self._read(folder)
        except CheckpointError as error:
            older = self.checkpoints.find_latest(before=step)
            hint = (
                f"delete {folder} to go on at step {older[0]} from {older[1]}"
                if older
                else f"it is the only checkpoint: delete {folder} to start from the beginning"
            )
            raise CheckpointError(f"{error}; {hint}") from error
        _logger.info(f"resume   at step {step} from {folder}")
        return step

    def _write(self, folder: Path, step: int) -> None:
        # Without it a resume would read what was left out before this step, and then differ.
        self.quarantine.fsync()
        task, metadata = self.setup.task, {"step": step, "steps": self.steps}
        save_learning_model(folder, task.get_submodule("model"), self.setup.config, metadata)
        if beside := _get_state_beside_model(task):
            save_tensors(folder / _TASK_FILE, beside)
        save_optimizer(self.optimizer, task.named_parameters(), folder / _OPTIMIZER_FILE)
        if self.ema is not None:
            save_tensors(folder / EMA_FILE, self.ema.values)

    def _read(self, folder: Path) -> None:
        task = self.setup.task
        _load_learning_model(folder, task.get_submodule("model"))
        if beside := _get_state_beside_model(task):
            state_dict = load_tensors(folder / _TASK_FILE)
            check_state_dict(beside, state_dict, folder / _TASK_FILE)
            task.load_state_dict(state_dict, strict=False)
        load_optimizer(self.optimizer, task.named_parameters(), folder / _OPTIMIZER_FILE)
        if self.ema is not None:
            values = load_tensors(folder / EMA_FILE)
            check_state_dict(self.ema.values, values, folder / EMA_FILE)
            self.ema.load_values(values)


def save_learning_model(
    folder: Path, model: nn.Module, config: ModelConfig, metadata: Mapping[str, object]
) -> None:
    """Write a model into a folder that exists: adapters merged into it, and beside it."""
    if adapters := adapter_state(model):
        save_tensors(folder / ADAPTERS_FILE, adapters)
    config = replace(config, metadata={**metadata, **config.metadata})
    save_model(folder, merged_state(model), config)


def _load_learning_model(folder: Path, model: nn.Module) -> None:
    state_dict = load_saved_state(folder)
    if adapter_state(model):
        state_dict = {**state_dict, **load_tensors(folder / ADAPTERS_FILE)}
    check_state_dict(model.state_dict(), state_dict, folder)
    model.load_state_dict(state_dict)


def _get_state_beside_model(task: nn.Module) -> dict[str, Tensor]:
    return {k: v for k, v in task.state_dict().items() if not k.startswith("model.")}
