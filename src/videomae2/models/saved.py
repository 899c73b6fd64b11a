"""Our format of a saved model: a folder with ``model.safetensors`` and ``config.json``.

The card says everything that is needed to build the model again and to judge where it comes from.
A checkpoint of a run is such a folder, with the optimizer's state beside it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from videomae2.errors import CheckpointError
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.cards import (
    CONFIG_FILE,
    ModelConfig,
    SavedAutoencoderConfig,
    load_model_config_of,
    save_model_config,
)

MODEL_FILE = "model.safetensors"
STUDENTS_FOLDER = "students"
"""Where a run of distillation keeps the best state of each student, in a folder of its name."""

_CHECKPOINT_PATTERN = re.compile(r"step-(\d+)")
_MAX_SHOWN = 12


def save_model(folder: Path, state: Mapping[str, Tensor], config: ModelConfig) -> None:
    """Write a model into a folder that exists; the card comes last, and without it is no model."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    (folder / CONFIG_FILE).unlink(missing_ok=True)
    save_file(tensors, folder / MODEL_FILE)
    save_model_config(folder, config)


def load_autoencoder(path: Path, device: torch.device) -> tuple[Autoencoder, SavedAutoencoderConfig]:
    """Read a model.

    Args:
        path: A folder of a saved model, or a run folder, of which the newest checkpoint is taken.
        device: Where to.

    Raises:
        CheckpointError: If there is none, or it does not fit its card.
    """
    folder = find_saved_model(path)
    config = load_model_config_of(SavedAutoencoderConfig, folder)
    try:
        model = Autoencoder(config.model)
    except ValueError as error:
        raise CheckpointError(f"{folder / CONFIG_FILE} describes no model: {error}") from error
    load_weights(model, folder)
    return model.to(device).eval(), config


def find_saved_model(path: Path) -> Path:
    """The folder of a saved model: the path itself, the newest checkpoint of a run, or a student.

    Raises:
        CheckpointError: If the path holds none, or several students.
    """
    if (path / CONFIG_FILE).is_file():
        return path
    checkpoints = {
        int(match[1]): folder
        for folder in (path / "checkpoints").glob("step-*")
        if (match := _CHECKPOINT_PATTERN.fullmatch(folder.name)) and (folder / CONFIG_FILE).is_file()
    }
    if checkpoints:
        return checkpoints[max(checkpoints)]
    if students := list_saved_models(path / STUDENTS_FOLDER):
        if len(students) == 1:
            return students[0]
        shown = ", ".join(map(str, students))
        raise CheckpointError(f"{path} holds {len(students)} students; give one of {shown}")
    if not path.exists():
        raise CheckpointError(f"{path} does not exist; give a run folder or one of its checkpoints")
    reason = "holds neither a model nor checkpoints" if path.is_dir() else "is a file"
    raise CheckpointError(f"{path} {reason}; give a run folder or one of its checkpoints")


def list_saved_models(folder: Path) -> list[Path]:
    """The folders of saved models in a folder, by name; not what a kill left half-written."""
    folders = (card.parent for card in folder.glob(f"*/{CONFIG_FILE}"))
    return sorted(model for model in folders if not model.name.startswith("."))


def load_weights(model: nn.Module, folder: Path) -> None:
    """Load weights strictly.

    Raises:
        CheckpointError: Listing what is missing, left over, or of another shape.
    """
    state_dict = load_saved_state(folder)
    check_state_dict(model.state_dict(), state_dict, folder / MODEL_FILE)
    model.load_state_dict(state_dict)


def load_saved_state(folder: Path) -> dict[str, Tensor]:
    """Read the weights of a saved model under our names.

    Raises:
        CheckpointError: If they cannot be read.
    """
    path = folder / MODEL_FILE
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error


def check_state_dict(expected: Mapping[str, Tensor], state_dict: Mapping[str, Tensor], path: Path) -> None:
    """Hold weights against those of a model.

    Raises:
        CheckpointError: Listing what is missing, left over, or of another shape.
    """
    problems = _find_mismatches(expected, state_dict)
    if problems:
        shown = "".join(f"\n  {problem}" for problem in problems[:_MAX_SHOWN])
        more = len(problems) - _MAX_SHOWN
        raise CheckpointError(
            f"{path} does not fit the model in {len(problems)} of its weights:{shown}"
            + (f"\n  and {more} more" if more > 0 else "")
        )


def _find_mismatches(expected: Mapping[str, Tensor], state_dict: Mapping[str, Tensor]) -> list[str]:
    """Say what keeps weights from being loaded, in the order of the model."""
    problems = []
    for name, value in expected.items():
        if name not in state_dict:
            problems.append(f"{name} is missing")
        elif state_dict[name].shape != value.shape:
            problems.append(f"{name} is {tuple(state_dict[name].shape)}, want {tuple(value.shape)}")
        elif not state_dict[name].is_floating_point():
            problems.append(f"{name} holds {state_dict[name].dtype}, want floating point")
    return problems + [f"{name} is not of this model" for name in state_dict if name not in expected]
