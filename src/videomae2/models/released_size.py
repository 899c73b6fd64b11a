"""Which encoder a released file holds: its weights have shapes, but it does not say its sizes."""

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.encoder import EncoderConfig
from videomae2.models.sizes import SIZES

_PATCH = "patch_embed.proj.weight"
_BLOCK = re.compile(r"(?:encoder\.)?blocks\.(\d+)\.")
FRAMES, SIDE = 16, 224
"""Of the clips of every released model but a few of 32 frames, which do not say so."""


def released_encoder(state: Mapping[str, Tensor], path: Path) -> EncoderConfig:
    """Tell the encoder by width, depth and patch; clips are taken to be 16 frames of 224 pixels.

    Args:
        state: Under released names, without wrappers.
        path: The file, for messages.

    Raises:
        CheckpointError: If it has no patch embedding, or is of no known size.
    """
    prefix = "encoder." if f"encoder.{_PATCH}" in state else ""
    patch = state.get(f"{prefix}{_PATCH}")
    if patch is None or patch.ndim != 5:
        raise CheckpointError(
            f"{path} holds no video transformer: it has no {_PATCH} over (channels, time, row, col)"
        )
    dim, channels, tubelet, side, _ = patch.shape
    blocks = {
        int(m[1])
        for name in state
        if name.startswith(f"{prefix}blocks.") and (m := _BLOCK.match(name))
    }
    for size, known in SIZES.items():
        if (known.dim, known.depth) == (dim, len(blocks)):
            return EncoderConfig(
                size=size,
                frames=FRAMES,
                height=SIDE,
                width=SIDE,
                channels=channels,
                patch=None if side == known.patch else side,
                tubelet=None if tubelet == known.tubelet else tubelet,
                layer_scale=1.0 if f"{prefix}blocks.0.gamma_1" in state else 0.0,
                cosine_attention=f"{prefix}blocks.0.attn.scale" in state,
            )
    sizes = ", ".join(f"{name} {known.dim}x{known.depth}" for name, known in SIZES.items())
    raise CheckpointError(
        f"{path} has {len(blocks)} blocks of width {dim}, which is no size that is known: {sizes}"
    )
