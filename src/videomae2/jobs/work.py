"""What one kind of training brings to the loop that all kinds share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file
from torch import nn
from torch.optim import AdamW

from videomae2.config import Run
from videomae2.data.batches import CPUBatch
from videomae2.engine.averages import EMA
from videomae2.engine.checkpoints import read_tensors
from videomae2.engine.optim import OptimConfig, build_optimizer
from videomae2.engine.runlog import MetricsLogger
from videomae2.engine.signals import SignalHandler
from videomae2.models.cards import ModelConfig
from videomae2.models.chosen import ADAPTERS_FILE
from videomae2.models.lora import adapter_state, merged_state
from videomae2.models.saved import check_state_dict, load_saved_state, save_model
from videomae2.tensors.clips import Clips

LogFn = Callable[[str], None]
StepEndHook = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class CallbackContext:
    """What somebody needs who looks at a model while it learns."""

    task: nn.Module
    ema: EMA | None
    metrics_logger: MetricsLogger
    first_step: int
    signals: SignalHandler


def identity(clips: Clips, batch: CPUBatch) -> Clips:
    """Leave clips as they were cut."""
    return clips


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSetup:
    """A task, how its clips are made, and how its weights are kept."""

    run: Run
    task: nn.Module
    """On the CPU, with its first weights; its ``model`` is what learns and is saved."""
    save: Callable[[Path, int], None]
    """Writes the model after so many steps into a folder that exists."""
    load: Callable[[Path], None]
    """Takes the weights of such a folder, to go on exactly."""
    transform: Callable[[Clips, CPUBatch], Clips] = identity
    """What is done to clips on the device before the task sees them."""
    attach: Callable[[CallbackContext], StepEndHook] | None = None
    """Makes the one who looks at the model after every step."""
    make_optimizer: Callable[[nn.Module, OptimConfig], AdamW] = build_optimizer
    """Sorts what learns in the task."""


def save_model_with_adapters(folder: Path, model: nn.Module, card: ModelConfig) -> None:
    """Write a model, its adapters merged into it, and the adapters beside it."""
    if adapters := adapter_state(model):
        save_file({n: v.cpu().contiguous() for n, v in adapters.items()}, folder / ADAPTERS_FILE)
    save_model(folder, merged_state(model), card)


def load_model_with_adapters(folder: Path, model: nn.Module) -> None:
    """Take over a model that ``save_model_with_adapters`` wrote.

    Raises:
        CheckpointError: If it cannot be read or does not fit.
    """
    state_dict = load_saved_state(folder)
    if adapter_state(model):
        state_dict = {**state_dict, **read_tensors(folder / ADAPTERS_FILE)}
    check_state_dict(model.state_dict(), state_dict, folder)
    model.load_state_dict(state_dict)
