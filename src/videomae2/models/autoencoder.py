"""The masked autoencoder: an encoder that sees few cubes, a light decoder that rebuilds others.

Axes: batch, vis = visible cubes, queries = places the decoder is asked for, loss_tokens = answers,
values = numbers in a cube.
"""

from dataclasses import dataclass, field
from typing import Annotated

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from videomae2.base.ranges import BELOW_ONE, DEPTH, ONE_OR_MORE, POSITIVE
from videomae2.models.encoder import EncoderConfig, VideoEncoder, build_pos_embed_buffer
from videomae2.models.layers import Blocks, Linear, compute_mlp_width
from videomae2.tensors.grid import Cubes
from videomae2.tensors.tokens import TokenSplit

_DECODER_DROP_PATH_STREAM = 42
"""Of a clip's key: what stochastic depth leaves out of the decoder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DecoderConfig:
    """The decoder, which is thrown away after pre-training."""

    depth: Annotated[int, DEPTH] = 4
    """Blocks: 4 for every model of V2; V1 had 12 for large and huge."""
    embed_dim: Annotated[int | None, ONE_OR_MORE] = None
    """Width; the size's own if not given."""
    num_heads: Annotated[int | None, ONE_OR_MORE] = None
    """Attention heads; the size's own if not given."""
    mlp_ratio: Annotated[float | None, POSITIVE] = None
    """Hidden width of an MLP over the width of a token; the encoder's if not given."""
    drop_path: Annotated[float, BELOW_ONE] = 0.0
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
    def decoder_embed_dim(self) -> int:
        """Width of the decoder."""
        return self.decoder.embed_dim or self.encoder.shape.decoder_embed_dim

    @property
    def decoder_num_heads(self) -> int:
        """Attention heads of the decoder."""
        return self.decoder.num_heads or self.encoder.shape.decoder_num_heads


class Decoder(nn.Module):
    """Blocks over the visible tokens and the queries, and a linear map to a cube's values."""

    def __init__(self, config: AutoencoderConfig, cubes: Cubes) -> None:
        super().__init__()
        embed_dim, encoder = config.decoder_embed_dim, config.encoder
        self.blocks = Blocks(
            embed_dim,
            config.decoder.depth,
            config.decoder_num_heads,
            compute_mlp_width(embed_dim, config.decoder.mlp_ratio or encoder.shape.mlp_ratio),
            drop_path=config.decoder.drop_path,
            init_values=encoder.init_values,
            cosine=encoder.cosine_attention,
            activation_checkpointing=encoder.activation_checkpointing,
            eps=encoder.norm_eps[0],
            stream=_DECODER_DROP_PATH_STREAM,
        )
        self.norm = nn.LayerNorm(embed_dim, eps=encoder.norm_eps[1])
        self.head = Linear(embed_dim, cubes.values)

    def forward(
        self,
        x: Float[Tensor, "batch tokens dim"],
        num_loss_tokens: int,
        *,
        keys: Int64[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch loss_tokens values"]:
        return self.head(self.norm(self.blocks(x, num_outputs=num_loss_tokens, keys=keys)))


class Autoencoder(nn.Module):
    """Encode the visible cubes, ask the decoder for others.

    Source: PretrainVisionTransformer of the released code; arXiv 2303.16727 section 3.2.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = VideoEncoder(config.encoder)
        self.cubes = self.encoder.cubes
        embed_dim = config.decoder_embed_dim
        self.mask_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.decoder = Decoder(config, self.cubes)
        self.encoder_to_decoder = Linear(config.encoder.shape.embed_dim, embed_dim, bias=False)
        self.decoder_pos_embed = build_pos_embed_buffer(config.encoder, embed_dim)

    decoder_pos_embed: Tensor

    def forward(
        self,
        visible: Float[Tensor, "batch vis values"],
        split: TokenSplit,
        *,
        keys: Int64[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch loss_tokens values"]:
        """Rebuild the places of ``split.loss_tokens`` from the normalised visible cubes.

        ``keys`` are the clips', by which stochastic depth draws in training.
        """
        visible_tokens = self.encoder_to_decoder(self.encoder(visible, split.visible, keys=keys))
        pos_embed = self.decoder_pos_embed.to(visible_tokens.dtype)
        visible_tokens = visible_tokens + pos_embed[split.visible]
        query_tokens = self.mask_token.to(visible_tokens.dtype) + pos_embed[split.queries]
        return self.decoder(
            torch.cat((visible_tokens, query_tokens), dim=1), split.num_loss_tokens, keys=keys
        )
