"""Our format of a saved model: a folder with ``model.safetensors`` and ``card.json``.

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
    CARD_FILE,
    AnyCard,
    Card,
    read_card_of,
    write_card,
)

MODEL_FILE = "model.safetensors"
STUDENTS = "students"
"""Where a run of distillation keeps the best state of each student, in a folder of its name."""

_CHECKPOINT = re.compile(r"step-(\d+)")
_SHOWN_PROBLEMS = 12


def save_model(folder: Path, state: Mapping[str, Tensor], card: AnyCard) -> None:
    """Write a model into a folder that exists; the card comes last, and without it is no model."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    (folder / CARD_FILE).unlink(missing_ok=True)
    save_file(tensors, folder / MODEL_FILE)
    write_card(folder, card)


def load_autoencoder(path: Path, device: torch.device) -> tuple[Autoencoder, Card]:
    """Read a model.

    Args:
        path: A folder of a saved model, or a run folder, of which the newest checkpoint is taken.
        device: Where to.

    Raises:
        CheckpointError: If there is none, or it does not fit its card.
    """
    folder = find_model(path)
    card = read_card_of(Card, folder)
    try:
        model = Autoencoder(card.model)
    except ValueError as error:
        raise CheckpointError(f"{folder / CARD_FILE} describes no model: {error}") from error
    load_weights(model, folder)
    return model.to(device).eval(), card


def find_model(path: Path) -> Path:
    """The folder of a saved model: the path itself, the newest checkpoint of a run, or a student.

    Raises:
        CheckpointError: If the path holds none, or several students.
    """
    if (path / CARD_FILE).is_file():
        return path
    saved = {
        int(match[1]): folder
        for folder in (path / "checkpoints").glob("step-*")
        if (match := _CHECKPOINT.fullmatch(folder.name)) and (folder / CARD_FILE).is_file()
    }
    if saved:
        return saved[max(saved)]
    if students := models_in(path / STUDENTS):
        if len(students) == 1:
            return students[0]
        shown = ", ".join(map(str, students))
        raise CheckpointError(f"{path} holds {len(students)} students; give one of {shown}")
    if not path.exists():
        raise CheckpointError(f"{path} does not exist; give a run folder or one of its checkpoints")
    reason = "holds neither a model nor checkpoints" if path.is_dir() else "is a file"
    raise CheckpointError(f"{path} {reason}; give a run folder or one of its checkpoints")


def models_in(folder: Path) -> list[Path]:
    """The folders of saved models in a folder, by name; not what a kill left half-written."""
    found = (card.parent for card in folder.glob(f"*/{CARD_FILE}"))
    return sorted(model for model in found if not model.name.startswith("."))


def load_weights(model: nn.Module, folder: Path) -> None:
    """Load weights strictly.

    Raises:
        CheckpointError: Listing what is missing, left over, or of another shape.
    """
    found = read_weights(folder)
    check_fit(model.state_dict(), found, folder / MODEL_FILE)
    model.load_state_dict(found)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Read the weights of a saved model under our names.

    Raises:
        CheckpointError: If they cannot be read.
    """
    path = folder / MODEL_FILE
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error


def check_fit(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], path: Path) -> None:
    """Hold weights against those of a model.

    Raises:
        CheckpointError: Listing what is missing, left over, or of another shape.
    """
    problems = _misfits(wanted, found)
    if problems:
        shown = "".join(f"\n  {problem}" for problem in problems[:_SHOWN_PROBLEMS])
        more = len(problems) - _SHOWN_PROBLEMS
        raise CheckpointError(
            f"{path} does not fit the model in {len(problems)} of its weights:{shown}"
            + (f"\n  and {more} more" if more > 0 else "")
        )


def _misfits(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """Say what keeps weights from being loaded, in the order of the model."""
    problems = []
    for name, value in wanted.items():
        if name not in found:
            problems.append(f"{name} is missing")
        elif found[name].shape != value.shape:
            problems.append(f"{name} is {tuple(found[name].shape)}, want {tuple(value.shape)}")
        elif not found[name].is_floating_point():
            problems.append(f"{name} holds {found[name].dtype}, want floating point")
    return problems + [f"{name} is not of this model" for name in found if name not in wanted]
