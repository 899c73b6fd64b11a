"""The weights that training starts from: a run's, a saved model's, or a released file's.

Whatever they were saved as, they are handed on under the names of our classifier, with what a
classifier has no use for (a decoder, say) under its own names.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.cards import Card, ClassifierCard, read_card
from videomae2.models.chosen import Weights, find_best
from videomae2.models.encoder import EncoderConfig
from videomae2.models.heads import check_names
from videomae2.models.released import (
    classifier_from_released,
    from_released,
    is_pretrained,
    unwrapped,
)
from videomae2.tensors.grid import Cubes

DECODER = ("decoder", "encoder_to_decoder", "mask_token")
"""First parts of the names that pre-training alone has a use for."""
_INSIDE = ("model", "module")  # where a released file keeps the weights, the first that is there


@dataclass(frozen=True, kw_only=True, slots=True)
class Parent:
    """Weights to start from, and what is known about them."""

    path: Path
    state: Mapping[str, Tensor]
    """Under our names."""
    classes: tuple[str, ...] | None = None
    """The names of its outputs, where they are known."""
    card: Card | ClassifierCard | None = None
    """None for a released file."""

    @property
    def encoder(self) -> EncoderConfig | None:
        """Its encoder, where it is known."""
        return None if self.card is None else self.card.model.encoder


def read_parent(path: Path, cubes: Cubes, weights: Weights = "auto") -> Parent:
    """Read weights to start from.

    Args:
        path: A run folder (its best model by validation, else its newest checkpoint; running means
            of the weights where there are some), a folder of a saved model, or a released file
            (.pth, .bin, .pt, .safetensors) in the official names.
        cubes: How the model that starts splits its clips; a released file must agree.
        weights: Which of the weights of a run.

    Raises:
        CheckpointError: If there is nothing that can be read.
    """
    path = Path(os.path.expanduser(path))
    if path.is_file():
        return Parent(path=path, state=_ours(read_released(path), cubes, path))
    chosen = find_best(path, weights)
    card = read_card(chosen.folder)
    classes = card.classes if isinstance(card, ClassifierCard) else None
    return Parent(path=chosen.folder, state=chosen.weights_read(), classes=classes, card=card)


def parent_encoder(path: Path) -> EncoderConfig | None:
    """Read which encoder weights to start from belong to; None for a released file.

    Raises:
        CheckpointError: If there is nothing that can be read.
    """
    path = Path(os.path.expanduser(path))
    return None if path.is_file() else read_card(find_best(path).folder).model.encoder


def named(parent: Parent, names: Sequence[str]) -> Parent:
    """Give a parent the names of its outputs; its own must be the same."""
    head = parent.state.get("head.weight")
    if head is None:
        raise CheckpointError(f"{parent.path} has no head, so names of its outputs have no effect")
    check_names(names, len(head), parent.classes, where=str(parent.path))
    return replace(parent, classes=tuple(names))


def read_released(path: Path) -> dict[str, Tensor]:
    """Read a released file's weights under their released names, without wrappers, in float32.

    Raises:
        CheckpointError: If it cannot be read or holds no weights.

    Source: load_state_dict and its caller in run_class_finetuning.py of the released code.
    """
    content: Any = _read(path)
    inside = next((name for name in _INSIDE if isinstance(content.get(name), Mapping)), None)
    state = content if inside is None else content[inside]
    strange = [n for n, v in state.items() if not (isinstance(n, str) and isinstance(v, Tensor))]
    if strange or not state:
        found = f"'{strange[0]}' is no tensor with a name" if strange else "it is empty"
        raise CheckpointError(f"{path} holds no weights, neither plain nor in 'model': {found}")
    return {
        name: value.float() if value.is_floating_point() else value
        for name, value in unwrapped(state).items()
    }


def _read(path: Path) -> Mapping[Any, Any]:
    try:
        content = load_file(path) if path.suffix == ".safetensors" else _unpickled(path)
    except (OSError, SafetensorError, RuntimeError, EOFError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error
    except Exception as error:  # a text taken for a pickle: any error, or advice to run the file
        raise CheckpointError(
            f"cannot read {path}: it is no file of weights, or holds more than tensors and "
            f"settings, which may be harmful and is not loaded"
        ) from error
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, want weights by name")
    return content


def _unpickled(path: Path) -> Any:
    # the released files carry their command line; nothing else but tensors is let in
    with torch.serialization.safe_globals([argparse.Namespace]):
        return torch.load(path, map_location="cpu", weights_only=True)


def _ours(state: Mapping[str, Tensor], cubes: Cubes, path: Path) -> dict[str, Tensor]:
    translate = from_released if is_pretrained(state) else classifier_from_released
    try:
        return translate(state, cubes)
    except ValueError as error:
        raise CheckpointError(f"{path} is of another model: {error}") from error
