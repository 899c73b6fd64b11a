"""The weights that training starts from: a run's, a saved model's, or a released file's.

Whatever they were saved as, they are handed on under the names of our classifier, with what a
classifier has no use for (a decoder, say) under its own names.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.config_json import ModelConfig, SavedClassifierConfig
from videomae2.models.weights.head import check_output_names
from videomae2.models.weights.official import OFFICIAL_FRAMES, OFFICIAL_SIDE, load_translated_state
from videomae2.models.weights.resolve import WeightsChoice, resolve_checkpoint
from videomae2.tensors.grid import Cubes, Grid

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
    """Read weights to start from, wherever ``resolve_checkpoint`` finds them, or a released file.

    A released file must agree with ``cubes``: how the model that starts splits its clips.

    Raises:
        CheckpointError: If there is nothing that can be read.
    """
    path = Path(os.path.expanduser(path))
    if path.is_file():
        return Pretrained(path=path, state=load_translated_state(path, cubes))
    ref = resolve_checkpoint(path, weights)
    names = ref.config.class_names if isinstance(ref.config, SavedClassifierConfig) else None
    return Pretrained(path=ref.path, state=ref.load_state(), class_names=names, config=ref.config)


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


def resolve_pos_embed(
    encoder: EncoderConfig,
    init: PosEmbedInit,
    pretrained: Pretrained | Path | None,
) -> EncoderConfig:
    """Let an encoder keep the position table that the weights it starts from were trained with.

    A ``pretrained_grid`` that it names stays, if the parent agrees or, as a released file, does not
    know; else it becomes the trained grid where that is another than its own.

    Raises:
        CheckpointError: If the parent cannot be read, was trained on another grid than ``encoder``
            says, or if nobody knows on which.
    """
    if pretrained is None or init == "reinit":
        return encoder
    if isinstance(pretrained, Path):
        path = Path(os.path.expanduser(pretrained))
        parent = None if path.is_file() else resolve_checkpoint(path).config.model.encoder
    else:
        parent, path = pretrained.encoder, pretrained.path
    grid, configured = _resolve_pretrained_grid(encoder, parent), encoder.pretrained_grid
    if configured is not None:
        if parent is not None and grid is not None and configured != grid:
            raise CheckpointError(
                f"pretrained_grid is {_format_grid(configured)}, but {path} was trained on "
                f"{_format_grid(grid)} cubes; leave pretrained_grid out, and for a fresh table "
                f"take --init.pos-embed reinit"
            )
        return encoder
    if grid is None:
        raise CheckpointError(
            f"{path} does not say on which cubes it was trained, and clips of {_OFFICIAL_CLIP}, as "
            f"of released models, do not split into these; --model.encoder.pretrained-grid "
            f"says it, --init.pos-embed reinit takes a fresh table"
        )
    return encoder if grid == encoder.cubes.grid else replace(encoder, pretrained_grid=grid)


def _resolve_pretrained_grid(encoder: EncoderConfig, parent: EncoderConfig | None) -> Grid | None:
    """The grid of a parent's position table; None if a released file's clips do not split so."""
    if parent is not None:
        return parent.pretrained_grid or parent.cubes.grid
    try:
        return replace(
            encoder, frames=OFFICIAL_FRAMES, height=OFFICIAL_SIDE, width=OFFICIAL_SIDE
        ).cubes.grid
    except ValueError:
        return None


def describe_pos_embed(encoder: EncoderConfig, pretrained: EncoderConfig | None) -> list[str]:
    """Say which position table a model starts with, where not all grids are the same."""
    grid, configured = encoder.cubes.grid, encoder.pretrained_grid
    source_grid = configured or _resolve_pretrained_grid(encoder, pretrained)
    if source_grid == grid and (pretrained is None or pretrained.cubes.grid == grid):
        return []
    if source_grid is None:
        return [f"positions: a fresh table for {_format_grid(grid)} cubes"]
    origin = f"for {_format_grid(source_grid)} cubes, with which the weights were trained"
    if configured is None and source_grid != grid:
        return [f"positions: a fresh table for {_format_grid(grid)} cubes, not the one {origin}"]
    resampled = f", resampled to {_format_grid(grid)}" if source_grid != grid else ""
    notes = [f"positions: the table {origin}{resampled}"]
    if pretrained is None and configured == _resolve_pretrained_grid(encoder, None):
        notes.append(
            f"(the file does not say it: clips of {_OFFICIAL_CLIP}, as of released models)"
        )
    return notes


def _format_grid(grid: Grid) -> str:
    return "x".join(map(str, grid))
