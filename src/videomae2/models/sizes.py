"""The table of model sizes."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

SizeName = Literal["tiny", "small", "base", "large", "huge", "giant"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSize:
    """What a size name stands for: the encoder, and the decoder that goes with it."""

    embed_dim: int
    depth: int
    num_heads: int
    mlp_ratio: float = 4.0
    patch_size: int = 16
    tubelet_size: int = 2
    decoder_embed_dim: int
    decoder_num_heads: int


SIZES: dict[SizeName, ModelSize] = {
    # tiny is ours, for tests and the demo: 64-pixel clips make a grid of 8x8x8
    "tiny": ModelSize(
        embed_dim=192, depth=4, num_heads=3, patch_size=8, decoder_embed_dim=96, decoder_num_heads=3
    ),
    # the rest: models/modeling_pretrain.py of the released code, arXiv 2303.16727 appendix
    "small": ModelSize(
        embed_dim=384, depth=12, num_heads=6, decoder_embed_dim=192, decoder_num_heads=3
    ),
    "base": ModelSize(
        embed_dim=768, depth=12, num_heads=12, decoder_embed_dim=384, decoder_num_heads=6
    ),
    "large": ModelSize(
        embed_dim=1024, depth=24, num_heads=16, decoder_embed_dim=512, decoder_num_heads=8
    ),
    "huge": ModelSize(
        embed_dim=1280, depth=32, num_heads=16, decoder_embed_dim=512, decoder_num_heads=8
    ),
    "giant": ModelSize(
        embed_dim=1408,
        depth=40,
        num_heads=16,
        mlp_ratio=float(Fraction(48, 11)),  # 6144, and 2234 in the decoder
        patch_size=14,
        decoder_embed_dim=512,
        decoder_num_heads=8,
    ),
}
