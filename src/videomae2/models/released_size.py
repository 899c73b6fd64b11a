"""Which encoder a released file holds: its weights have shapes, but it does not say its sizes."""

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.encoder import EncoderConfig
from videomae2.models.sizes import SIZES

_PATCH_EMBED_KEY = "patch_embed.proj.weight"
_BLOCK_PATTERN = re.compile(r"(?:encoder\.)?blocks\.(\d+)\.")
OFFICIAL_FRAMES, OFFICIAL_SIDE = 16, 224
"""Of the clips of every released model but a few of 32 frames, which do not say so."""


def infer_official_encoder(state: Mapping[str, Tensor], path: Path) -> EncoderConfig:
    """Tell the encoder by width, depth and patch; clips are taken to be 16 frames of 224 pixels.

    Args:
        state: Under released names, without wrappers.
        path: The file, for messages.

    Raises:
        CheckpointError: If it has no patch embedding, or is of no known size.
    """
    prefix = "encoder." if f"encoder.{_PATCH_EMBED_KEY}" in state else ""
    patch_weight = state.get(f"{prefix}{_PATCH_EMBED_KEY}")
    if patch_weight is None or patch_weight.ndim != 5:
        raise CheckpointError(
            f"{path} holds no video transformer: it has no {_PATCH_EMBED_KEY} over (channels, time, row, col)"
        )
    embed_dim, channels, tubelet_size, patch_size, _ = patch_weight.shape
    blocks = {
        int(m[1])
        for name in state
        if name.startswith(f"{prefix}blocks.") and (m := _BLOCK_PATTERN.match(name))
    }
    for size, spec in SIZES.items():
        if (spec.embed_dim, spec.depth) == (embed_dim, len(blocks)):
            return EncoderConfig(
                size=size,
                frames=OFFICIAL_FRAMES,
                height=OFFICIAL_SIDE,
                width=OFFICIAL_SIDE,
                channels=channels,
                patch_size=None if patch_size == spec.patch_size else patch_size,
                tubelet_size=None if tubelet_size == spec.tubelet_size else tubelet_size,
                init_values=1.0 if f"{prefix}blocks.0.gamma_1" in state else 0.0,
                cosine_attention=f"{prefix}blocks.0.attn.scale" in state,
            )
    sizes = ", ".join(f"{name} {known.embed_dim}x{known.depth}" for name, known in SIZES.items())
    raise CheckpointError(
        f"{path} has {len(blocks)} blocks of width {embed_dim}, which is no size that is known: {sizes}"
    )
