"""Encoders that are not trained any more: read from anything, they turn clips into features.

Axes: clips, tokens, values, dim; slots = cubes along time; kinds = without and with the final norm.
"""

import copy
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from einops import reduce
from jaxtyping import Float
from torch import Generator, Tensor, nn

from videomae2.errors import CheckpointError
from videomae2.models.encoder import EncoderConfig, Normalize, VideoEncoder
from videomae2.models.init import init_encoder_weights
from videomae2.models.weights.config_json import (
    FrameSampling,
    ModelConfig,
    SavedClassifierConfig,
)
from videomae2.models.weights.formats.architecture import ModelHints, resize_clips
from videomae2.models.weights.model_ref import ModelRef
from videomae2.models.weights.pretrained import DECODER_PARTS
from videomae2.models.weights.resolve import resolve_checkpoint
from videomae2.models.weights.saved import build_matching, check_state_dict

_ENCODER, _FINAL_NORM = "encoder.", "encoder.norm."
_KNOWN_PARTS = ("encoder", "fc_norm", "head", *DECODER_PARTS)


NormInput = Literal["tokens", "slots", "mean"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FrozenEncoder:
    """An encoder without its final norm, that norm, and what is known about both."""

    encoder: VideoEncoder
    norm: nn.Module
    norm_input: NormInput
    """What the final norm is applied to: every token, as in pre-training, the mean of each time
    slot, or that of all tokens."""
    normalize: Normalize
    path: Path
    frame_sampling: FrameSampling | None = None
    """Which frames make a clip; None if the weights do not say."""
    bits: int | None = None
    """Bits that were used of images of 16; None if the weights do not say."""
    digest: str = ""
    """Names the weights and what they compute, in 16 characters."""
    description: str = ""
    """What they compute, whatever the weights."""

    def encode(self, pixels: Tensor) -> Float[Tensor, "clips tokens dim"]:
        """Give the tokens before the final norm, of clips of pixels 0…255, in token order."""
        return self.encoder(self.normalize.split(pixels, self.encoder.cubes))

    def pool(self, tokens: Float[Tensor, "clips tokens dim"]) -> Float[Tensor, "clips kinds dim"]:
        """Give the mean of the tokens, without and with the final norm, in float32."""
        if self.norm_input == "slots":
            return self.pool_slots(tokens).mean(dim=2)
        return self._pool(tokens.float(), slots=1)[:, :, 0]

    def pool_slots(
        self, tokens: Float[Tensor, "clips tokens dim"]
    ) -> Float[Tensor, "clips kinds slots dim"]:
        """Give the mean of the tokens of each time slot, without and with the norm, in float32."""
        return self._pool(tokens.float(), slots=self.encoder.cubes.grid[0])

    def _pool(self, tokens: Tensor, *, slots: int) -> Float[Tensor, "clips kinds slots dim"]:
        pattern = "clips (slots n) dim -> clips slots dim"
        pooled = reduce(tokens, pattern, "mean", slots=slots)
        normed = (
            reduce(self.norm(tokens).float(), pattern, "mean", slots=slots)
            if self.norm_input == "tokens"
            else self.norm(pooled).float()
        )
        return torch.stack((pooled, normed), dim=1)

    def to(self, device: torch.device) -> "FrozenEncoder":
        """Move it to a device."""
        for module in (self.encoder, self.norm, self.normalize):
            module.to(device)
        return self


def load_frozen_encoder(
    path: Path, *, frames: int | None = None, side: int | None = None, use_ema: bool = False
) -> FrozenEncoder:
    """Read the encoder of a run folder, a saved model of any kind, or one of other software.

    For clips of other ``frames`` or another ``side`` in pixels than it was trained with, the
    position table is resampled. ``use_ema`` takes the running mean that a checkpoint may have.

    Raises:
        CheckpointError: If there is nothing that can be read, or the sizes do not fit.
    """
    path = Path(os.path.expanduser(path))
    ref = resolve_checkpoint(path, hints=ModelHints(encoder_only=True))
    if use_ema and ref.weights != "ema":
        raise CheckpointError(f"{ref.path} has no running mean of its weights")
    if ref.has_ema_file and not use_ema:
        ref = replace(ref, weights="raw")
    config = replace(ref.config.model.encoder, drop_path=0.0, activation_checkpointing=False)
    if frames is not None or side is not None:
        config = replace(config, pretrained_grid=config.pretrained_grid or config.cubes.grid)
        config = resize_clips(config, path, frames, side)
    return _build_frozen_encoder(ref, config)


def _build_frozen_encoder(ref: ModelRef[ModelConfig], config: EncoderConfig) -> FrozenEncoder:
    state, card = ref.load_state(), ref.config
    state_dict = {
        name.removeprefix(_ENCODER): value
        for name, value in state.items()
        if name.startswith(_ENCODER) and not name.startswith(_FINAL_NORM)
    }
    unexpected = {n: v for n, v in state.items() if n.split(".")[0] not in _KNOWN_PARTS}
    encoder = build_matching(
        lambda: VideoEncoder(config, norm=False), state_dict | unexpected, ref.path
    )
    encoder.load_state_dict(state_dict)
    norm, norm_input = _load_final_norm(state, card, ref)
    weights = {**state_dict, **{f"closing.{n}": v for n, v in norm.state_dict().items()}}
    description = repr((config, norm_input, card.to_tuple()))
    return FrozenEncoder(
        encoder=encoder.eval().requires_grad_(False),
        norm=norm.eval().requires_grad_(False),
        norm_input=norm_input,
        normalize=Normalize(card, config.channels),
        path=ref.path,
        frame_sampling=card.frame_sampling,
        bits=card.bits,
        digest=_compute_digest(weights, description),
        description=description,
    )


def draw_random_encoder(frozen: FrozenEncoder, generator: Generator) -> FrozenEncoder:
    """An encoder that computes the same from fresh weights, as those that pre-training begins with.

    Made where the generator is, on the CPU.
    """
    encoder = VideoEncoder(frozen.encoder.config, norm=False)
    init_encoder_weights(encoder, generator)
    norm = copy.deepcopy(frozen.norm)
    if isinstance(norm, nn.LayerNorm):
        norm.reset_parameters()
    return replace(
        frozen,
        encoder=encoder.eval().requires_grad_(False),
        norm=norm.eval().requires_grad_(False),
        digest=_compute_digest(encoder.state_dict(), f"random {frozen.description}"),
    )


def _load_final_norm(
    state: Mapping[str, Tensor], card: ModelConfig, ref: ModelRef[ModelConfig]
) -> tuple[nn.Module, NormInput]:
    """Find the norm that closes it: behind the pooling, or of every token; some have none."""
    encoder = card.model.encoder
    by_slot = isinstance(card, SavedClassifierConfig) and card.model.global_pool == "slots"
    norm_input: NormInput
    for prefix, norm_input, eps in (
        ("fc_norm.", "slots" if by_slot else "mean", encoder.norm_eps[1]),
        (_FINAL_NORM, "tokens", encoder.norm_eps[0]),
    ):
        names = [n for n in ("weight", "bias") if f"{prefix}{n}" in state]
        if names:
            norm = nn.LayerNorm(encoder.shape.embed_dim, eps=eps)
            state_dict = {name: state[f"{prefix}{name}"] for name in names}
            check_state_dict(norm.state_dict(), state_dict, ref.path)
            norm.load_state_dict(state_dict)
            return norm, norm_input
    if not encoder.final_norm:
        return nn.Identity(), "tokens"
    raise CheckpointError(f"{ref.path} has no norm that closes its encoder (norm, fc_norm)")


def _compute_digest(weights: Mapping[str, Tensor], description: str) -> str:
    hasher = hashlib.sha256(description.encode())
    for name, value in sorted(weights.items()):
        hasher.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        raw = value.detach().cpu().contiguous().flatten().view(torch.uint8)
        hasher.update(raw.numpy().data)
    return hasher.hexdigest()[:16]
