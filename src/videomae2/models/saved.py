"""Our format of a saved model: a folder with ``model.safetensors`` and ``card.json``.

The card says everything that is needed to build the model again and to judge where it comes from.
A checkpoint of a run is such a folder, with the optimizer's state beside it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from videomae2.errors import CheckpointError
from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig
from videomae2.models.entries import build

FORMAT, KIND = 1, "autoencoder"
MODEL_FILE, CARD_FILE = "model.safetensors", "card.json"

_CHECKPOINT = re.compile(r"step-(\d+)")
_SHOWN_PROBLEMS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """What is known about a saved model."""

    model: AutoencoderConfig
    """Its architecture."""
    mean: tuple[float, ...]
    """Mean of each channel that its input is normalised with."""
    std: tuple[float, ...]
    """Standard deviation of each channel."""
    notes: dict[str, Any] = field(default_factory=dict)
    """Step, masking, parents, licence and what else is worth keeping; what JSON has words for."""

    def __post_init__(self) -> None:
        channels = self.model.encoder.channels
        if not len(self.mean) == len(self.std) == channels:
            raise ValueError(
                f"mean and std have {len(self.mean)} and {len(self.std)} values, the model reads "
                f"{channels} channels"
            )


def save_model(folder: Path, state: Mapping[str, Tensor], card: Card) -> None:
    """Write a model into a folder that exists; the card comes last, and without it is no model."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    entry = {"format": FORMAT, "kind": KIND, **asdict(card)}
    text = json.dumps(entry, indent=1, ensure_ascii=False) + "\n"
    (folder / CARD_FILE).unlink(missing_ok=True)
    save_file(tensors, folder / MODEL_FILE)
    partial = folder / f".{CARD_FILE}.partial"
    partial.write_text(text, encoding="utf-8")
    partial.replace(folder / CARD_FILE)


def load_autoencoder(path: Path, device: torch.device) -> tuple[Autoencoder, Card]:
    """Read a model.

    Args:
        path: A folder of a saved model, or a run folder, of which the newest checkpoint is taken.
        device: Where to.

    Raises:
        CheckpointError: If there is none, or it does not fit its card.
    """
    folder = find_model(path)
    card = read_card(folder)
    try:
        model = Autoencoder(card.model)
    except ValueError as error:
        raise CheckpointError(f"{folder / CARD_FILE} describes no model: {error}") from error
    load_weights(model, folder)
    return model.to(device).eval(), card


def find_model(path: Path) -> Path:
    """The folder of a saved model: the path itself, or the newest checkpoint of a run.

    Raises:
        CheckpointError: If the path holds neither.
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
    if not path.exists():
        raise CheckpointError(f"{path} does not exist; give a run folder or one of its checkpoints")
    reason = "holds neither a model nor checkpoints" if path.is_dir() else "is a file"
    raise CheckpointError(f"{path} {reason}; give a run folder or one of its checkpoints")


def read_card(folder: Path) -> Card:
    """Read the card of a saved model.

    Raises:
        CheckpointError: If it cannot be read, is of another format, or has settings that are not
            known, missing or of the wrong kind.
    """
    path = folder / CARD_FILE
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error
    if not isinstance(entry, dict):
        raise CheckpointError(f"{path} is no card: want an object, found {type(entry).__name__}")
    found = (entry.pop("format", None), entry.pop("kind", None))
    if found != (FORMAT, KIND):
        raise CheckpointError(
            f"{path} is of format {found[0]!r}, kind {found[1]!r}; this version reads format "
            f"{FORMAT}, kind {KIND!r}"
        )
    return build(Card, entry, path)


def load_weights(model: nn.Module, folder: Path) -> None:
    """Load weights strictly.

    Raises:
        CheckpointError: Listing what is missing, left over, or of another shape.
    """
    path = folder / MODEL_FILE
    try:
        found = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error
    problems = _misfits(model.state_dict(), found)
    if problems:
        shown = "".join(f"\n  {problem}" for problem in problems[:_SHOWN_PROBLEMS])
        more = len(problems) - _SHOWN_PROBLEMS
        raise CheckpointError(
            f"{path} does not fit the model in {len(problems)} of its weights:{shown}"
            + (f"\n  and {more} more" if more > 0 else "")
        )
    model.load_state_dict(found)


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
