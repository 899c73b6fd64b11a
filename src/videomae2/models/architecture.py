"""Whether two encoders compute the same, which the shapes of their weights do not tell."""

from pathlib import Path
from typing import Any

from videomae2.errors import CheckpointError
from videomae2.models.encoder import EncoderConfig


def check_architecture(own: EncoderConfig, parent: EncoderConfig, path: Path) -> None:
    """Refuse an encoder that computes something else, also where all shapes agree."""
    mine, theirs = _architecture(own), _architecture(parent)
    differing = [
        f"{name} {theirs[name]} there and {mine[name]} here"
        for name in mine
        if mine[name] != theirs[name]
    ]
    if differing:
        raise CheckpointError(f"{path} has another encoder: {', '.join(differing)}")


def _architecture(config: EncoderConfig) -> dict[str, Any]:
    shape = config.shape
    names = ("dim", "depth", "heads", "mlp_ratio", "patch", "tubelet")
    return {name: getattr(shape, name) for name in names} | {
        "channels": config.channels,
        "layer_scale": config.layer_scale > 0,
        "cosine_attention": config.cosine_attention,
        "positions": config.positions,
    }


def position_notes(own: EncoderConfig, parent: EncoderConfig | None) -> list[str]:
    """Say it if places have other angles than in the parent's training."""
    if parent is None or own.trained_grid is not None:
        return []
    trained, grid = parent.trained_grid or parent.cubes.grid, own.cubes.grid
    if trained == grid:
        return []
    words = "x".join(map(str, trained)), "x".join(map(str, grid)), " ".join(map(str, trained))
    return [
        f"positions: a fresh table for {words[1]} cubes, the parent's was for {words[0]}; "
        f"trained_grid {words[2]} would resample that"
    ]
