"""The weights that training starts from: a run's, a saved model's, or a released file's.

Whatever they were saved as, they are handed on under the names of our classifier, with what a
classifier has no use for (a decoder, say) under its own names. What a released file of a classifier
is, is told by its weights, which are all it has.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Literal

from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.config_json import (
    SavedAutoencoderConfig,
    SavedClassifierConfig,
    load_model_config,
)
from videomae2.models.weights.head_index import check_output_names
from videomae2.models.weights.official import (
    classifier_from_official,
    from_official,
    infer_official_encoder,
    is_official_pretraining,
    load_official_state,
)
from videomae2.models.weights.resolve import WeightsChoice, resolve_checkpoint
from videomae2.tensors.grid import Cubes
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

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
    return Pretrained(
        path=checkpoint.folder,
        state=checkpoint.load_state(),
        class_names=class_names,
        config=config,
    )


def load_encoder_config(path: Path) -> EncoderConfig | None:
    """Read which encoder weights to start from belong to; None for a released file.

    Raises:
        CheckpointError: If there is nothing that can be read.
    """
    path = Path(os.path.expanduser(path))
    return (
        None if path.is_file() else load_model_config(resolve_checkpoint(path).folder).model.encoder
    )


def with_class_names(pretrained: Pretrained, names: Sequence[str]) -> Pretrained:
    """Give a parent the names of its outputs; its own must be the same."""
    head = pretrained.state.get("head.weight")
    if head is None:
        raise CheckpointError(
            f"{pretrained.path} has no head, so names of its outputs have no effect"
        )
    check_output_names(names, len(head), pretrained.class_names, location=str(pretrained.path))
    return replace(pretrained, class_names=tuple(names))


def _convert_names(state: Mapping[str, Tensor], cubes: Cubes, path: Path) -> dict[str, Tensor]:
    translate = from_official if is_official_pretraining(state) else classifier_from_official
    try:
        return translate(state, cubes)
    except ValueError as error:
        raise CheckpointError(f"{path} is of another model: {error}") from error


_BLOCK_BYTES = 1 << 20


_POS_EMBED = "pos_embed"


@dataclass(frozen=True, kw_only=True, slots=True)
class OfficialWeights:
    """Where the weights of a released classifier are."""

    path: Path
    cubes: Cubes
    """How its clips split."""
    clip_size: tuple[int | None, int | None] = (None, None)
    """Frames and side of its clips, where somebody said them."""

    weights: ClassVar[Literal["raw"]] = "raw"
    reason: ClassVar[str] = "released file"

    def __str__(self) -> str:
        return f"{self.path} ({self.reason})"

    @property
    def file(self) -> Path:
        """What is read."""
        return self.path

    @property
    def run(self) -> Path | None:
        """It is of no run."""
        return None

    def compute_digest(self) -> str:
        """Name content and clips in 16 characters. Reads the whole file."""
        hasher = sha256(b"" if self.clip_size == (None, None) else repr(self.clip_size).encode())
        with self.path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                hasher.update(block)
        return hasher.hexdigest()[:16]

    def load_state(self) -> dict[str, Tensor]:
        """Read the weights under our names.

        Raises:
            CheckpointError: If they cannot be read.
        """
        return dict(load_pretrained_state(self.path, self.cubes).state)


def resolve_official_file(
    path: Path, *, frames: int | None = None, side: int | None = None
) -> tuple[OfficialWeights, SavedClassifierConfig]:
    """Tell what a released file holds.

    Args:
        path: The file.
        frames: Frames of the clips that it was trained on; 16, as of nearly all, if not given.
        side: Height and width of these clips; 224 if not given.

    Raises:
        CheckpointError: If it cannot be read, is of pre-training, or is of no size that is known.
    """
    state = load_official_state(path)
    if is_official_pretraining(state):
        raise CheckpointError(
            f"{path} is of pre-training: an encoder and a decoder, which know no classes; "
            f"fine-tune it on labelled videos first: videomae2 finetune … --init.weights {path}"
        )
    encoder = _replace_clip_size(infer_official_encoder(state, path), frames, side)
    cubes = _compute_cubes(encoder, path)
    _check_pos_embed(state, encoder, cubes, path)
    if encoder.channels != len(IMAGENET_MEAN):
        raise CheckpointError(
            f"{path} reads {encoder.channels} channels, and does not say how they are normalised"
        )
    model = ClassifierConfig(
        encoder=encoder,
        num_classes=len(state["head.weight"]) if "head.weight" in state else 0,
        global_pool="avg" if "fc_norm.weight" in state else "token",
    )
    config = SavedClassifierConfig(model=model, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    return OfficialWeights(path=path, cubes=cubes, clip_size=(frames, side)), config


def _replace_clip_size(
    encoder: EncoderConfig, frames: int | None, side: int | None
) -> EncoderConfig:
    """The encoder of a model that was made for other clips, with its own table of positions.

    Source: the released code makes a fresh table for the clips that a model is built for, and
        saves none.
    """
    return replace(
        encoder,
        frames=encoder.frames if frames is None else frames,
        height=encoder.height if side is None else side,
        width=encoder.width if side is None else side,
    )


def _compute_cubes(encoder: EncoderConfig, path: Path) -> Cubes:
    try:
        return encoder.cubes
    except ValueError as error:
        raise CheckpointError(f"{path} cannot read such clips: {error}") from error


def _check_pos_embed(
    state: Mapping[str, Tensor], encoder: EncoderConfig, cubes: Cubes, path: Path
) -> None:
    """Refuse a file whose own table of positions is for other clips."""
    pos_embed = state.get(_POS_EMBED)
    if pos_embed is not None and pos_embed.ndim == 3 and pos_embed.shape[1] != cubes.tokens:
        clip = f"{encoder.frames}x{encoder.height}x{encoder.width}"
        raise CheckpointError(
            f"{path} has places for {pos_embed.shape[1]} cubes, and clips of {clip} have "
            f"{cubes.tokens}; say of which clips it is with --frames and --side"
        )
