"""Where weights saw cubes: the grid of their position table, for a model that starts from them."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from videomae2.errors import CheckpointError
from videomae2.models.encoder import EncoderConfig
from videomae2.models.parents import Parent, parent_encoder
from videomae2.models.released_size import FRAMES, SIDE
from videomae2.tensors.grid import Grid

PositionStart = Literal["match", "fresh"]

_RELEASED = f"{FRAMES}x{SIDE}x{SIDE}"


def placed(
    own: EncoderConfig,
    choice: PositionStart,
    parent: Parent | Path | None,
    *,
    prefix: str = "--",
) -> EncoderConfig:
    """Let an encoder keep the position table that the weights it starts from were trained with.

    Args:
        own: What is to be built. A trained grid that it names stays, if the parent agrees or, as
            a released file, does not know.
        choice: As in ``StartConfig``.
        parent: What it starts from, or where that is; None for nothing.
        prefix: What flags of this model begin with, for messages.

    Returns:
        The encoder, with the trained grid where that is another than its own.

    Raises:
        CheckpointError: If the parent cannot be read, was trained on another grid than ``own``
            says, or if nobody knows on which.
    """
    if parent is None or choice == "fresh":
        return own
    known, path = _known(parent)
    trained = trained_grid(own, known)
    if own.trained_grid is not None:
        if known is not None and own.trained_grid != trained:
            raise CheckpointError(_contradiction(own.trained_grid, known, path, prefix))
        return own
    if trained is None:
        raise CheckpointError(
            f"{path} does not say on which cubes it was trained, and clips of {_RELEASED}, as of "
            f"released models, do not split into these; {prefix}model.encoder.trained-grid says "
            f"it, {prefix}start.positions fresh takes a fresh table"
        )
    return own if trained == own.cubes.grid else replace(own, trained_grid=trained)


def trained_grid(own: EncoderConfig, parent: EncoderConfig | None) -> Grid | None:
    """The grid that a parent's position table was made for; None if nobody knows.

    Args:
        own: The encoder that starts; its cubes are the parent's.
        parent: None for a released file: those have clips of 16 frames of 224 pixels.
    """
    if parent is not None:
        return parent.trained_grid or parent.cubes.grid
    try:
        return replace(own, frames=FRAMES, height=SIDE, width=SIDE).cubes.grid
    except ValueError:
        return None


def position_notes(own: EncoderConfig, parent: EncoderConfig | None) -> list[str]:
    """Say which position table a model starts with, where not all grids are the same."""
    grid, named = own.cubes.grid, own.trained_grid
    trained = named or trained_grid(own, parent)
    if trained == grid and (parent is None or parent.cubes.grid == grid):
        return []
    if trained is None:
        return [f"positions: a fresh table for {_words(grid)} cubes"]
    of = f"for {_words(trained)} cubes, with which the weights were trained"
    if named is None and trained != grid:
        return [f"positions: a fresh table for {_words(grid)} cubes, not the one {of}"]
    resampled = f", resampled to {_words(grid)}" if trained != grid else ""
    notes = [f"positions: the table {of}{resampled}"]
    if parent is None and named == trained_grid(own, None):
        notes.append(f"(the file does not say it: clips of {_RELEASED}, as of released models)")
    return notes


def _known(parent: Parent | Path) -> tuple[EncoderConfig | None, Path]:
    if isinstance(parent, Path):
        return parent_encoder(parent), parent
    return parent.encoder, parent.path


def _contradiction(named: Grid, parent: EncoderConfig, path: Path, prefix: str) -> str:
    trained = _words(parent.trained_grid or parent.cubes.grid)
    return (
        f"trained_grid is {_words(named)}, but {path} was trained on {trained} cubes; leave "
        f"trained_grid out, and for a fresh table take {prefix}start.positions fresh"
    )


def _words(grid: Grid) -> str:
    return "x".join(map(str, grid))
