"""Whether two encoders compute the same, which the shapes of their weights do not tell."""

from pathlib import Path
from typing import Any

from videomae2.errors import CheckpointError
from videomae2.models.encoder import EncoderConfig
from videomae2.models.sizes import SIZES

_OF_SIZE = ("dim", "depth", "heads", "mlp_ratio", "patch", "tubelet")
_SETTINGS = (*_OF_SIZE, "channels", "layer_scale", "cosine_attention", "positions")


def check_architecture(
    own: EncoderConfig, parent: EncoderConfig, path: Path, flag: str = "--model"
) -> None:
    """Refuse an encoder that computes something else, also where all shapes agree.

    ``flag`` is what sets the model of the own one.
    """
    mine, theirs = _architecture(own), _architecture(parent)
    differing = [
        f"{name} {theirs[name]} there and {mine[name]} here"
        for name in mine
        if mine[name] != theirs[name]
    ]
    if differing:
        raise CheckpointError(
            f"{path} has another encoder: {', '.join(differing)}; {_remedy(own, parent, flag)}"
        )


def check_width(own: EncoderConfig, found: int, path: Path, flag: str = "--model") -> None:
    """Refuse tokens of another width, by which the sizes of released models are told apart.

    Args:
        own: What is built here.
        found: Width of the tokens of the weights.
        path: Where these come from.
        flag: What sets the model.
    """
    width = own.shape.dim
    if found == width:
        return
    known = [name for name, size in SIZES.items() if size.dim == found]
    remedy = f"; {flag}.encoder.size {known[0]} would fit" if known else ""
    raise CheckpointError(f"tokens of {path} are {found} wide, and {width} here{remedy}")


def _remedy(own: EncoderConfig, parent: EncoderConfig, flag: str) -> str:
    """The flags that make this encoder like the parent's."""
    flags = [
        f"{flag}.encoder.{name.replace('_', '-')} {getattr(parent, name)}"
        for name in ("size", *_SETTINGS)
        if getattr(own, name) != getattr(parent, name)
    ]
    return f"{' '.join(flags)} would build that one"


def _architecture(config: EncoderConfig) -> dict[str, Any]:
    shape = config.shape
    return {name: getattr(shape, name) for name in _OF_SIZE} | {
        "channels": config.channels,
        "layer_scale": config.layer_scale > 0,
        "cosine_attention": config.cosine_attention,
        "positions": config.positions,
    }
