"""Multiply-accumulates of a forward pass, by formula; no model is built.

What the paper calls FLOPs are these. Counted: every matrix product, those of attention included.
"""

from dataclasses import dataclass, replace

from videomae2.models.autoencoder import AutoencoderConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.layers import compute_mlp_width


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """How many tokens of a clip go where."""

    embedded: int
    """Cubes that are projected: all in the released code, the visible ones in ours."""
    visible: int
    """Tokens in the encoder."""
    queries: int
    """Mask tokens in the decoder."""
    num_loss_tokens: int
    """Answers of the decoder."""


def count_official_tokens(config: EncoderConfig, counts: TokenCounts) -> TokenCounts:
    """The tokens that the released code computes, as the paper's tables count them.

    It projects every cube before it leaves out the hidden ones, and its decoder answers every
    query, also those that carry no loss.
    """
    return replace(counts, embedded=config.cubes.tokens, num_loss_tokens=counts.queries)


def count_autoencoder_macs(
    config: AutoencoderConfig, counts: TokenCounts, *, trim: bool = False
) -> int:
    """One clip through encoder and decoder; ``counts`` say where its tokens go.

    With ``trim`` the decoder's last block counts as computed here, for the answers only; the
    released code computes it for all tokens.

    Source: reproduces arXiv 2303.16727 tables 1 and 2.
    """
    encoder = config.encoder
    dim, depth = config.decoder_embed_dim, config.decoder.depth
    hidden = compute_mlp_width(dim, config.decoder.mlp_ratio or encoder.shape.mlp_ratio)
    tokens = counts.visible + counts.queries
    num_outputs = counts.num_loss_tokens if trim else tokens
    return (
        count_encoder_macs(encoder, embedded=counts.embedded, visible=counts.visible)
        + counts.visible * encoder.shape.embed_dim * dim
        + (depth - 1) * count_block_macs(tokens, dim, hidden)
        + count_block_macs(tokens, dim, hidden, num_outputs=num_outputs)
        + counts.num_loss_tokens * dim * encoder.cubes.values
    )


def count_classifier_macs(encoder: EncoderConfig) -> int:
    """One clip through the encoder of a classifier, which sees every cube."""
    tokens = encoder.cubes.tokens
    return count_encoder_macs(encoder, embedded=tokens, visible=tokens)


def count_encoder_macs(config: EncoderConfig, *, embedded: int, visible: int) -> int:
    """Patch embedding and blocks."""
    size = config.shape
    hidden = compute_mlp_width(size.embed_dim, size.mlp_ratio)
    return embedded * config.cubes.values * size.embed_dim + size.depth * count_block_macs(
        visible, size.embed_dim, hidden
    )


def count_block_macs(tokens: int, dim: int, hidden: int, *, num_outputs: int | None = None) -> int:
    """One block over ``tokens``; the last ``num_outputs`` are computed, all if not given."""
    num_outputs = tokens if num_outputs is None else num_outputs
    project = 2 * tokens * dim * dim + 2 * num_outputs * dim * dim  # keys, values; queries, output
    attend = 2 * num_outputs * tokens * dim
    return project + attend + 2 * num_outputs * dim * hidden
