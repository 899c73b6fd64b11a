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
from videomae2.models.cards import SavedAutoencoderConfig, SavedClassifierConfig, load_model_config
from videomae2.models.chosen import WeightsChoice, resolve_checkpoint
from videomae2.models.encoder import EncoderConfig
from videomae2.models.heads import check_output_names
from videomae2.models.released import (
    classifier_from_official,
    from_official,
    is_official_pretraining,
    strip_wrappers,
)
from videomae2.tensors.grid import Cubes

DECODER_PARTS = ("decoder", "encoder_to_decoder", "mask_token")
"""First parts of the names that pre-training alone has a use for."""
_WRAPPER_KEYS = ("model", "module")  # where a released file keeps the weights, the first that is there


@dataclass(frozen=True, kw_only=True, slots=True)
class Pretrained:
    """Weights to start from, and what is known about them."""

    path: Path
    state: Mapping[str, Tensor]
    """Under our names."""
    class_names: tuple[str, ...] | None = None
    """The names of its outputs, where they are known."""
    config: SavedAutoencoderConfig | SavedClassifierConfig | None = None
    """None for a released file."""

    @property
    def encoder(self) -> EncoderConfig | None:
        """Its encoder, where it is known."""
        return None if self.config is None else self.config.model.encoder


def load_pretrained_state(path: Path, cubes: Cubes, weights: WeightsChoice = "auto") -> Pretrained:
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
        return Pretrained(path=path, state=_convert_names(load_official_state(path), cubes, path))
    checkpoint = resolve_checkpoint(path, weights)
    config = load_model_config(checkpoint.folder)
    class_names = config.class_names if isinstance(config, SavedClassifierConfig) else None
    return Pretrained(path=checkpoint.folder, state=checkpoint.load_state(), class_names=class_names, config=config)


def load_encoder_config(path: Path) -> EncoderConfig | None:
    """Read which encoder weights to start from belong to; None for a released file.

    Raises:
        CheckpointError: If there is nothing that can be read.
    """
    path = Path(os.path.expanduser(path))
    return None if path.is_file() else load_model_config(resolve_checkpoint(path).folder).model.encoder


def with_class_names(pretrained: Pretrained, names: Sequence[str]) -> Pretrained:
    """Give a parent the names of its outputs; its own must be the same."""
    head = pretrained.state.get("head.weight")
    if head is None:
        raise CheckpointError(f"{pretrained.path} has no head, so names of its outputs have no effect")
    check_output_names(names, len(head), pretrained.class_names, location=str(pretrained.path))
    return replace(pretrained, class_names=tuple(names))


def load_official_state(path: Path) -> dict[str, Tensor]:
    """Read a released file's weights under their released names, without wrappers, in float32.

    Raises:
        CheckpointError: If it cannot be read or holds no weights.

    Source: load_state_dict and its caller in run_class_finetuning.py of the released code.
    """
    content: Any = _load_file(path)
    wrapper = next((name for name in _WRAPPER_KEYS if isinstance(content.get(name), Mapping)), None)
    state = content if wrapper is None else content[wrapper]
    unexpected = [n for n, v in state.items() if not (isinstance(n, str) and isinstance(v, Tensor))]
    if unexpected or not state:
        problem = f"'{unexpected[0]}' is no tensor with a name" if unexpected else "it is empty"
        raise CheckpointError(f"{path} holds no weights, neither plain nor in 'model': {problem}")
    return {
        name: value.float() if value.is_floating_point() else value
        for name, value in strip_wrappers(state).items()
    }


def _load_file(path: Path) -> Mapping[Any, Any]:
    try:
        content = load_file(path) if path.suffix == ".safetensors" else _unpickle(path)
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


def _unpickle(path: Path) -> Any:
    # the released files carry their command line; nothing else but tensors is let in
    with torch.serialization.safe_globals([argparse.Namespace]):
        return torch.load(path, map_location="cpu", weights_only=True)


def _convert_names(state: Mapping[str, Tensor], cubes: Cubes, path: Path) -> dict[str, Tensor]:
    translate = from_official if is_official_pretraining(state) else classifier_from_official
    try:
        return translate(state, cubes)
    except ValueError as error:
        raise CheckpointError(f"{path} is of another model: {error}") from error
