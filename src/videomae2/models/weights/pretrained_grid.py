"""Where weights saw cubes: the grid of their position table, for a model that starts from them."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from videomae2.errors import CheckpointError
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.official import OFFICIAL_FRAMES, OFFICIAL_SIDE
from videomae2.models.weights.pretrained import Pretrained, load_encoder_config
from videomae2.tensors.grid import Grid

PosEmbedInit = Literal["auto", "reinit"]
_OFFICIAL_CLIP = f"{OFFICIAL_FRAMES}x{OFFICIAL_SIDE}x{OFFICIAL_SIDE}"


def resolve_pos_embed(
    encoder: EncoderConfig,
    init: PosEmbedInit,
    pretrained: Pretrained | Path | None,
    *,
    prefix: str = "--",
) -> EncoderConfig:
    """Let an encoder keep the position table that the weights it starts from were trained with.

    Args:
        encoder: What is to be built. A ``pretrained_grid`` that it names stays, if the parent
            agrees or, as a released file, does not know.
        init: As in ``InitConfig``.
        pretrained: What it starts from, or where that is; None for nothing.
        prefix: What flags of this model begin with, for messages.

    Returns:
        The encoder, with the trained grid where that is another than its own.

    Raises:
        CheckpointError: If the parent cannot be read, was trained on another grid than ``encoder``
            says, or if nobody knows on which.
    """
    if pretrained is None or init == "reinit":
        return encoder
    if isinstance(pretrained, Path):
        parent, path = load_encoder_config(pretrained), pretrained
    else:
        parent, path = pretrained.encoder, pretrained.path
    grid, configured = _resolve_pretrained_grid(encoder, parent), encoder.pretrained_grid
    if configured is not None:
        if parent is not None and grid is not None and configured != grid:
            raise CheckpointError(
                f"pretrained_grid is {_format_grid(configured)}, but {path} was trained on "
                f"{_format_grid(grid)} cubes; leave pretrained_grid out, and for a fresh table "
                f"take {prefix}init.pos-embed reinit"
            )
        return encoder
    if grid is None:
        raise CheckpointError(
            f"{path} does not say on which cubes it was trained, and clips of {_OFFICIAL_CLIP}, as "
            f"of released models, do not split into these; {prefix}model.encoder.pretrained-grid "
            f"says it, {prefix}init.pos-embed reinit takes a fresh table"
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
