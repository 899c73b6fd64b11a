"""The table of model sizes."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

SizeName = Literal["tiny", "small", "base", "large", "huge", "giant"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """What a size name stands for: the encoder, and the decoder that goes with it."""

    dim: int
    depth: int
    heads: int
    mlp_ratio: float = 4.0
    patch: int = 16
    tubelet: int = 2
    decoder_dim: int
    decoder_heads: int


SIZES: dict[SizeName, Size] = {
    # tiny is ours, for tests and the demo: 64-pixel clips make a grid of 8x8x8
    "tiny": Size(dim=192, depth=4, heads=3, patch=8, decoder_dim=96, decoder_heads=3),
    # the rest: models/modeling_pretrain.py of the released code, arXiv 2303.16727 appendix
    "small": Size(dim=384, depth=12, heads=6, decoder_dim=192, decoder_heads=3),
    "base": Size(dim=768, depth=12, heads=12, decoder_dim=384, decoder_heads=6),
    "large": Size(dim=1024, depth=24, heads=16, decoder_dim=512, decoder_heads=8),
    "huge": Size(dim=1280, depth=32, heads=16, decoder_dim=512, decoder_heads=8),
    "giant": Size(
        dim=1408,
        depth=40,
        heads=16,
        mlp_ratio=float(Fraction(48, 11)),  # 6144, and 2234 in the decoder
        patch=14,
        decoder_dim=512,
        decoder_heads=8,
    ),
}
