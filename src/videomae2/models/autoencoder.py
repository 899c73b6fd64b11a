"""The masked autoencoder: an encoder that sees few cubes, a light decoder that rebuilds others.

Axes: batch, vis = visible cubes, queries = places the decoder is asked for, scored = answers,
values = numbers in a cube.
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from videomae2.models.blocks import Blocks
from videomae2.models.encoder import EncoderConfig, VideoEncoder, position_table
from videomae2.models.layers import LAYER_NORM_EPSILON, Linear, mlp_width
from videomae2.tensors.grid import Cubes
from videomae2.tensors.tokens import Split

_STREAM = 42
"""Of a clip's key: what stochastic depth leaves out of the decoder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DecoderConfig:
    """The decoder, which is thrown away after pre-training."""

    depth: int = 4
    """Blocks: 4 for every model of V2; V1 had 12 for large and huge."""
    dim: int | None = None
    """Width; the size's own if not given."""
    heads: int | None = None
    """Attention heads; the size's own if not given."""
    drop_path: float = 0.0
    """Rate of stochastic depth at the last block, as in the encoder, whose rate it is in the
    released code; all of its scripts have 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoencoderConfig:
    """The model of pre-training."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """The part that is kept."""
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    """The part that rebuilds."""

    @property
    def decoder_dim(self) -> int:
        """Width of the decoder."""
        return self.decoder.dim or self.encoder.shape.decoder_dim

    @property
    def decoder_heads(self) -> int:
        """Attention heads of the decoder."""
        return self.decoder.heads or self.encoder.shape.decoder_heads


class Decoder(nn.Module):
    """Blocks over the visible tokens and the queries, and a linear map to a cube's values."""

    def __init__(self, config: AutoencoderConfig, cubes: Cubes) -> None:
        super().__init__()
        dim, encoder = config.decoder_dim, config.encoder
        self.blocks = Blocks(
            dim,
            config.decoder.depth,
            config.decoder_heads,
            mlp_width(dim, encoder.shape.mlp_ratio),
            drop_path=config.decoder.drop_path,
            layer_scale=encoder.layer_scale,
            cosine=encoder.cosine_attention,
            checkpoint_blocks=encoder.checkpoint_blocks,
            stream=_STREAM,
        )
        self.norm = nn.LayerNorm(dim, eps=LAYER_NORM_EPSILON)
        self.head = Linear(dim, cubes.values)

    def forward(
        self,
        x: Float[Tensor, "batch tokens dim"],
        scored: int,
        *,
        keys: Int64[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch scored values"]:
        return self.head(self.norm(self.blocks(x, asked=scored, keys=keys)))


class Autoencoder(nn.Module):
    """Encode the visible cubes, ask the decoder for others.

    Source: PretrainVisionTransformer of the released code; arXiv 2303.16727 section 3.2.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = VideoEncoder(config.encoder)
        self.cubes = self.encoder.cubes
        dim = config.decoder_dim
        self.mask_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.decoder = Decoder(config, self.cubes)
        self.encoder_to_decoder = Linear(config.encoder.shape.dim, dim, bias=False)
        self.decoder_positions = position_table(config.encoder, dim)

    decoder_positions: Tensor

    def forward(
        self,
        visible: Float[Tensor, "batch vis values"],
        split: Split,
        *,
        keys: Int64[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch scored values"]:
        """Rebuild the places of ``split.answered`` from the normalised visible cubes.

        ``keys`` are the clips', by which stochastic depth draws in training.
        """
        seen = self.encoder_to_decoder(self.encoder(visible, split.visible, keys=keys))
        table = self.decoder_positions.to(seen.dtype)
        seen = seen + table[split.visible]
        asked = self.mask_token.to(seen.dtype) + table[split.queries]
        return self.decoder(torch.cat((seen, asked), dim=1), split.scored, keys=keys)
