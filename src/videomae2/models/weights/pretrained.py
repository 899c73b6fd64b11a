"""The weights that training starts from: a run's, a saved model's, or those of other software.

Whatever they were saved as, they are handed on under the names of our classifier, with what a
classifier has no use for (a decoder, say) under its own names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.config_json import ModelConfig, SavedClassifierConfig
from videomae2.models.weights.formats.architecture import (
    OFFICIAL_FRAMES,
    OFFICIAL_SIDE,
    ModelHints,
)
from videomae2.models.weights.head import check_output_names
from videomae2.models.weights.model_ref import ModelRef
from videomae2.models.weights.resolve import WeightsChoice, resolve_checkpoint
from videomae2.tensors.grid import Grid

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
    config: ModelConfig
    says_clips: bool = True
    """Whether it is known of which clips it is; released files do not say it."""

    @property
    def encoder(self) -> EncoderConfig:
        """Its encoder."""
        return self.config.model.encoder

    @property
    def grid(self) -> Grid | None:
        """The cubes that its position table was made for, where it says them."""
        return self.encoder.pretrained_grid or self.encoder.cubes.grid if self.says_clips else None


def load_pretrained_state(
    path: Path, encoder: EncoderConfig, weights: WeightsChoice = "auto"
) -> Pretrained:
    """Read weights to start from: a saved model, that of a run, or one of other software.

    ``encoder``, which starts, says what foreign weights do not: its heads.

    Raises:
        CheckpointError: If there is nothing that can be read.
    """
    return build_pretrained(resolve_pretrained(path, encoder, weights))


def resolve_pretrained(
    path: Path, encoder: EncoderConfig, weights: WeightsChoice = "auto"
) -> ModelRef[ModelConfig]:
    """Find weights to start from; raises as ``load_pretrained_state``."""
    hints = ModelHints(num_heads=encoder.shape.num_heads, encoder_only=True, for_training=True)
    return resolve_checkpoint(path, weights, hints)


def build_pretrained(ref: ModelRef[ModelConfig]) -> Pretrained:
    """Read the weights of a model that was found."""
    return describe_pretrained(ref, ref.load_state())


def describe_pretrained(ref: ModelRef[ModelConfig], state: Mapping[str, Tensor]) -> Pretrained:
    """What is known of a model that was found, with some weights."""
    names = ref.config.class_names if isinstance(ref.config, SavedClassifierConfig) else None
    says_clips = ref.foreign is None or ref.foreign.says_clips
    return Pretrained(
        path=ref.path, state=state, class_names=names, config=ref.config, says_clips=says_clips
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


PosEmbedInit = Literal["auto", "reinit"]
_OFFICIAL_CLIP = f"{OFFICIAL_FRAMES}x{OFFICIAL_SIDE}x{OFFICIAL_SIDE}"


def resolve_encoder(
    encoder: EncoderConfig, init: PosEmbedInit, pretrained: Pretrained | Path | None
) -> EncoderConfig:
    """Let an encoder compute as the weights it starts from were trained.

    It takes over what their LayerNorm adds to the variance, where it does not say it, and their
    position table: a ``pretrained_grid`` that it names stays, if the parent agrees or, as a
    released file, does not know; else it becomes the trained grid where that is another than its
    own.

    Raises:
        CheckpointError: If the parent cannot be read, was trained on another grid than ``encoder``
            says, or if nobody knows on which.
    """
    if pretrained is None:
        return encoder
    if isinstance(pretrained, Path):
        pretrained = describe_pretrained(resolve_pretrained(pretrained, encoder), {})
    encoder = replace(
        encoder,
        layer_norm_eps=encoder.layer_norm_eps or pretrained.encoder.layer_norm_eps,
        last_norm_eps=encoder.last_norm_eps or pretrained.encoder.last_norm_eps,
    )
    return encoder if init == "reinit" else _resolve_pos_embed(encoder, pretrained)


def _resolve_pos_embed(encoder: EncoderConfig, parent: Pretrained) -> EncoderConfig:
    grid, configured = _resolve_pretrained_grid(encoder, parent), encoder.pretrained_grid
    if configured is not None:
        if parent.grid is not None and configured != grid:
            raise CheckpointError(
                f"pretrained_grid is {_format_grid(configured)}, but {parent.path} was trained on "
                f"{_format_grid(parent.grid)} cubes; leave pretrained_grid out, and for a fresh "
                f"table take --init.pos-embed reinit"
            )
        return encoder
    if grid is None:
        raise CheckpointError(
            f"{parent.path} does not say on which cubes it was trained, and clips of "
            f"{_OFFICIAL_CLIP}, as of released models, do not split into these; "
            f"--model.encoder.pretrained-grid says it, --init.pos-embed reinit takes a fresh table"
        )
    return encoder if grid == encoder.cubes.grid else replace(encoder, pretrained_grid=grid)


def _resolve_pretrained_grid(encoder: EncoderConfig, parent: Pretrained) -> Grid | None:
    """The grid of a parent's position table; None if a released file's clips do not split so."""
    if parent.says_clips:
        return parent.grid
    try:
        return replace(
            encoder, frames=OFFICIAL_FRAMES, height=OFFICIAL_SIDE, width=OFFICIAL_SIDE
        ).cubes.grid
    except ValueError:
        return None


def describe_pos_embed(encoder: EncoderConfig, parent: Pretrained) -> list[str]:
    """Say which position table a model starts with, where not all grids are the same."""
    grid, configured = encoder.cubes.grid, encoder.pretrained_grid
    source_grid = configured or _resolve_pretrained_grid(encoder, parent)
    is_same_clip = not parent.says_clips or parent.encoder.cubes.grid == grid
    if source_grid == grid and is_same_clip:
        return []
    if source_grid is None:
        return [f"positions: a fresh table for {_format_grid(grid)} cubes"]
    origin = f"for {_format_grid(source_grid)} cubes, with which the weights were trained"
    if configured is None and source_grid != grid:
        return [f"positions: a fresh table for {_format_grid(grid)} cubes, not the one {origin}"]
    resampled = f", resampled to {_format_grid(grid)}" if source_grid != grid else ""
    notes = [f"positions: the table {origin}{resampled}"]
    if not parent.says_clips and configured == _resolve_pretrained_grid(encoder, parent):
        notes.append(
            f"(the file does not say it: clips of {_OFFICIAL_CLIP}, as of released models)"
        )
    return notes


def _format_grid(grid: Grid) -> str:
    return "x".join(map(str, grid))
