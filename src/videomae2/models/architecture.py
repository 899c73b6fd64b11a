"""Whether two encoders compute the same, which the shapes of their weights do not tell."""

from pathlib import Path
from typing import Any

from videomae2.errors import CheckpointError
from videomae2.models.encoder import EncoderConfig
from videomae2.models.sizes import SIZES

_SIZE_FIELDS = ("embed_dim", "depth", "num_heads", "mlp_ratio", "patch_size", "tubelet_size")
_ENCODER_FIELDS = (*_SIZE_FIELDS, "channels", "init_values", "cosine_attention", "pos_embed")


def check_architecture(
    encoder: EncoderConfig, pretrained: EncoderConfig, path: Path, flag: str = "--model"
) -> None:
    """Refuse an encoder that computes something else, also where all shapes agree.

    ``flag`` is what sets the model of the own one.
    """
    expected, saved = _collect_architecture(encoder), _collect_architecture(pretrained)
    differences = [
        f"{name} {saved[name]} there and {expected[name]} here"
        for name in expected
        if expected[name] != saved[name]
    ]
    if differences:
        raise CheckpointError(
            f"{path} has another encoder: {', '.join(differences)}; {_format_remedy(encoder, pretrained, flag)}"
        )


def check_embed_dim(encoder: EncoderConfig, embed_dim: int, path: Path, flag: str = "--model") -> None:
    """Refuse tokens of another width, by which the sizes of released models are told apart.

    Args:
        encoder: What is built here.
        embed_dim: Width of the tokens of the weights.
        path: Where these come from.
        flag: What sets the model.
    """
    expected = encoder.shape.embed_dim
    if embed_dim == expected:
        return
    sizes = [name for name, size in SIZES.items() if size.embed_dim == embed_dim]
    remedy = f"; {flag}.encoder.size {sizes[0]} would fit" if sizes else ""
    raise CheckpointError(f"tokens of {path} are {embed_dim} wide, and {expected} here{remedy}")


def _format_remedy(encoder: EncoderConfig, pretrained: EncoderConfig, flag: str) -> str:
    """The flags that make this encoder like the parent's."""
    flags = [
        f"{flag}.encoder.{name.replace('_', '-')} {getattr(pretrained, name)}"
        for name in ("size", *_ENCODER_FIELDS)
        if getattr(encoder, name) != getattr(pretrained, name)
    ]
    return f"{' '.join(flags)} would build that one"


def _collect_architecture(config: EncoderConfig) -> dict[str, Any]:
    size = config.shape
    return {name: getattr(size, name) for name in _SIZE_FIELDS} | {
        "channels": config.channels,
        "init_values": config.init_values > 0,
        "cosine_attention": config.cosine_attention,
        "pos_embed": config.pos_embed,
    }
