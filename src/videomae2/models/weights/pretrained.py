"""The weights that training starts from: a run's, a saved model's, or a released file's.

Whatever they were saved as, they are handed on under the names of our classifier, with what a
classifier has no use for (a decoder, say) under its own names.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.config_json import ModelConfig, SavedClassifierConfig
from videomae2.models.weights.head_index import check_output_names
from videomae2.models.weights.official import load_translated_state
from videomae2.models.weights.resolve import WeightsChoice, resolve_checkpoint
from videomae2.tensors.grid import Cubes

DECODER_PARTS = ("decoder", "encoder_to_decoder", "mask_token")
"""First parts of the names that pre-training alone has a use for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pretrained:
    """Weights to start from, and what is known about them."""

    path: Path
    state: Mapping[str, Tensor]
    """Under our names."""
    class_names: tuple[str, ...] | None = None
    """The names of its outputs, where they are known."""
    config: ModelConfig | None = None
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
        return Pretrained(path=path, state=load_translated_state(path, cubes))
    ref = resolve_checkpoint(path, weights)
    names = ref.config.class_names if isinstance(ref.config, SavedClassifierConfig) else None
    return Pretrained(path=ref.path, state=ref.load_state(), class_names=names, config=ref.config)


def load_encoder_config(path: Path) -> EncoderConfig | None:
    """Read which encoder weights to start from belong to; None for a released file.

    Raises:
        CheckpointError: If there is nothing that can be read.
    """
    path = Path(os.path.expanduser(path))
    return None if path.is_file() else resolve_checkpoint(path).config.model.encoder


def with_class_names(pretrained: Pretrained, names: Sequence[str]) -> Pretrained:
    """Give a parent the names of its outputs; its own must be the same."""
    head = pretrained.state.get("head.weight")
    if head is None:
        raise CheckpointError(
            f"{pretrained.path} has no head, so names of its outputs have no effect"
        )
    check_output_names(names, len(head), pretrained.class_names, location=str(pretrained.path))
    return replace(pretrained, class_names=tuple(names))
