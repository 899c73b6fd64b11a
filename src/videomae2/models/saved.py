"""Our format of a saved model: a folder with ``model.safetensors`` and ``card.json``.

The card says everything that is needed to build the model again and to judge where it comes from.
A checkpoint of a run is such a folder, with the optimizer's state beside it.
"""

import difflib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from videomae2.errors import CheckpointError
from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig, DecoderConfig
from videomae2.models.encoder import EncoderConfig

FORMAT = 1
MODEL_FILE, CARD_FILE = "model.safetensors", "card.json"

T = TypeVar("T")


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
    """Step, masking, parents, licence and what else is worth keeping."""


def save_model(folder: Path, state: Mapping[str, Tensor], card: Card) -> None:
    """Write a model into a folder that exists."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    save_file(tensors, folder / MODEL_FILE)
    entry = {"format": FORMAT, "kind": "autoencoder", **asdict(card)}
    (folder / CARD_FILE).write_text(json.dumps(entry, indent=1) + "\n", encoding="utf-8")


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
    model = Autoencoder(card.model)
    load_weights(model, folder)
    return model.to(device).eval(), card


def find_model(path: Path) -> Path:
    """The folder of a saved model: the path itself, or the newest checkpoint of a run."""
    if (path / CARD_FILE).is_file():
        return path
    saved = sorted((path / "checkpoints").glob("step-*"))
    if saved:
        return saved[-1]
    reason = "does not exist" if not path.exists() else "holds neither a model nor checkpoints"
    raise CheckpointError(f"{path} {reason}; give a run folder or one of its checkpoints")


def read_card(folder: Path) -> Card:
    """Read the card of a saved model; raises CheckpointError where it is not one of ours."""
    path = folder / CARD_FILE
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error
    if entry.get("format") != FORMAT or entry.get("kind") != "autoencoder":
        raise CheckpointError(
            f"{path} is of format {entry.get('format')!r}, kind {entry.get('kind')!r}; this "
            f"version reads format {FORMAT}, kind 'autoencoder'"
        )
    model = entry["model"]
    grid = model["encoder"].get("trained_grid")
    model["encoder"]["trained_grid"] = tuple(grid) if grid else None
    return Card(
        model=AutoencoderConfig(
            encoder=_build(EncoderConfig, model["encoder"], path),
            decoder=_build(DecoderConfig, model["decoder"], path),
        ),
        mean=tuple(entry["mean"]),
        std=tuple(entry["std"]),
        notes=entry["notes"],
    )


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
    wanted = model.state_dict()
    problems = [f"missing: {n}" for n in wanted.keys() - found.keys()]
    problems += [f"not of this model: {n}" for n in found.keys() - wanted.keys()]
    problems += [
        f"{n} is {tuple(found[n].shape)}, want {tuple(wanted[n].shape)}"
        for n in wanted.keys() & found.keys()
        if found[n].shape != wanted[n].shape
    ]
    if problems:
        shown = "\n  ".join(sorted(problems)[:12])
        more = f"\n  and {len(problems) - 12} more" if len(problems) > 12 else ""
        raise CheckpointError(f"{path} does not fit the model:\n  {shown}{more}")
    model.load_state_dict(found)


def _build(kind: type[T], values: dict[str, Any], path: Path) -> T:
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; the nearest is '{near[0]}'" if near else ""
            raise CheckpointError(f"{path} has a setting '{name}' that is not known{hint}")
    return kind(**values)
