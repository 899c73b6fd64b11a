"""Encoders that are not trained any more: read from anything, they turn clips into features.

Axes: clips, tokens, values, dim; kinds = mean of the tokens without and with the closing norm.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from videomae2.errors import CheckpointError
from videomae2.models.cards import ClassifierCard, ClipSpan
from videomae2.models.chosen import Weights, find_best
from videomae2.models.encoder import EncoderConfig, VideoEncoder
from videomae2.models.layers import LAYER_NORM_EPSILON
from videomae2.models.parents import DECODER, Parent, read_parent, read_released
from videomae2.models.released_size import released_encoder
from videomae2.models.saved import check_fit
from videomae2.tensors.grid import Grid
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD, normalise

_ENCODER, _CLOSING = "encoder.", "encoder.norm."
_KNOWN = ("encoder", "fc_norm", "head", *DECODER)


@dataclass(frozen=True, kw_only=True, slots=True)
class Frozen:
    """An encoder without its closing norm, that norm, and what is known about both."""

    encoder: VideoEncoder
    norm: nn.LayerNorm
    norm_of: Literal["tokens", "mean"]
    """What the closing norm is applied to: every token, as in pre-training, or their mean."""
    mean: Float[Tensor, " channels"]
    std: Float[Tensor, " channels"]
    path: Path
    """Where the weights are from."""
    span: ClipSpan | None = None
    """Which frames make a clip; None if the weights do not say."""
    digest: str = field(default="")
    """Names the weights and what they compute, in 16 characters."""

    @torch.no_grad()
    def tokens(self, pixels: Tensor) -> Float[Tensor, "clips tokens dim"]:
        """Give the tokens before the closing norm.

        Args:
            pixels: All cubes of each clip in token order, uint8 0…255.
        """
        return self.encoder(normalise(pixels, self.mean, self.std))

    @torch.no_grad()
    def pooled(self, tokens: Float[Tensor, "clips tokens dim"]) -> Float[Tensor, "clips kinds dim"]:
        """Give the mean of the tokens, without and with the closing norm, in float32."""
        tokens = tokens.float()
        plain = tokens.mean(dim=1)
        normed = self.norm(tokens).mean(dim=1) if self.norm_of == "tokens" else self.norm(plain)
        return torch.stack((plain, normed.float()), dim=1)

    def to(self, device: torch.device) -> "Frozen":
        """Move it to a device."""
        self.encoder.to(device)
        self.norm.to(device)
        return replace(self, mean=self.mean.to(device), std=self.std.to(device))


def read_frozen(
    path: Path, *, frames: int | None = None, side: int | None = None, use_mean: bool = False
) -> Frozen:
    """Read an encoder.

    Args:
        path: A run folder, a folder of a saved model of any kind, or a released file.
        frames: Frames of a clip, if others than it was trained with; the position table is
            resampled then.
        side: Height and width of a clip in pixels, likewise.
        use_mean: Take the running mean of the weights, which a checkpoint may have.

    Raises:
        CheckpointError: If there is nothing that can be read, or the sizes do not fit.
    """
    path = Path(os.path.expanduser(path))
    if path.is_file():
        if use_mean:
            raise CheckpointError(f"{path} is one file; it has no running mean beside its weights")
        config = released_encoder(read_released(path), path)
        parent = read_parent(path, config.cubes)
    else:
        chosen = find_best(path)
        if use_mean and chosen.weights != "ema":
            raise CheckpointError(f"{chosen.folder} has no running mean of its weights")
        # the cubes count for a released file only
        weights: Weights = "raw" if chosen.beside and not use_mean else "auto"
        parent = read_parent(path, EncoderConfig().cubes, weights)
        assert parent.encoder is not None
        config = parent.encoder
    return _frozen(parent, _resized(config, path, frames, side))


def _resized(
    config: EncoderConfig, path: Path, frames: int | None, side: int | None
) -> EncoderConfig:
    """The same encoder for clips of another size."""
    config = replace(config, drop_path=0.0, checkpoint_blocks=False)
    if frames is None and side is None:
        return config
    trained: Grid = config.trained_grid or config.cubes.grid
    changed = replace(
        config,
        frames=frames or config.frames,
        height=side or config.height,
        width=side or config.width,
        trained_grid=trained,
    )
    try:
        _ = changed.cubes
    except ValueError as error:
        raise CheckpointError(f"{path} cannot read such clips: {error}") from error
    return changed


def _frozen(parent: Parent, config: EncoderConfig) -> Frozen:
    encoder = VideoEncoder(config, norm=False)
    wanted = encoder.state_dict()
    found = {
        name.removeprefix(_ENCODER): value
        for name, value in parent.state.items()
        if name.startswith(_ENCODER) and not name.startswith(_CLOSING)
    }
    strange = {n: v for n, v in parent.state.items() if n.split(".")[0] not in _KNOWN}
    check_fit(wanted, found | strange, parent.path)
    encoder.load_state_dict(found)
    norm, norm_of = _closing(parent, config.shape.dim)
    card = parent.card
    mean, std = (IMAGENET_MEAN, IMAGENET_STD) if card is None else (card.mean, card.std)
    if len(mean) != config.channels:
        raise CheckpointError(
            f"{parent.path} reads {config.channels} channels, and does not say how they are "
            f"normalised"
        )
    weights = {**found, **{f"closing.{n}": v for n, v in norm.state_dict().items()}}
    return Frozen(
        encoder=encoder.eval().requires_grad_(False),
        norm=norm.eval().requires_grad_(False),
        norm_of=norm_of,
        mean=torch.tensor(mean),
        std=torch.tensor(std),
        path=parent.path,
        span=card.span if isinstance(card, ClassifierCard) else None,
        digest=_digest(weights, repr((config, norm_of, mean, std))),
    )


def _closing(parent: Parent, dim: int) -> tuple[nn.LayerNorm, Literal["tokens", "mean"]]:
    """Find the norm that closes it: behind the pooling, or of every token."""
    norm = nn.LayerNorm(dim, eps=LAYER_NORM_EPSILON)
    places: tuple[tuple[str, Literal["tokens", "mean"]], ...] = (
        ("fc_norm.", "mean"),
        (_CLOSING, "tokens"),
    )
    for prefix, norm_of in places:
        found = {n: parent.state[f"{prefix}{n}"] for n in ("weight", "bias")
                 if f"{prefix}{n}" in parent.state}  # fmt: skip
        if found:
            check_fit(norm.state_dict(), found, parent.path)
            norm.load_state_dict(found)
            return norm, norm_of
    raise CheckpointError(f"{parent.path} has no norm that closes its encoder (norm, fc_norm)")


def _digest(weights: Mapping[str, Tensor], computes: str) -> str:
    content = hashlib.sha256(computes.encode())
    for name, value in sorted(weights.items()):
        content.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        bits = value.detach().cpu().contiguous().flatten().view(torch.uint8)
        content.update(bits.numpy().data)
    return content.hexdigest()[:16]
