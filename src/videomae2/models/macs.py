"""Multiply-accumulates of a forward pass, by formula; no model is built.

What the paper calls FLOPs are these. Counted: every matrix product, those of attention included.
"""

from dataclasses import dataclass, replace

from videomae2.models.autoencoder import AutoencoderConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.layers import mlp_width


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """How many tokens of a clip go where."""

    embedded: int
    """Cubes that are projected: all in the released code, the visible ones in ours."""
    visible: int
    """Tokens in the encoder."""
    queries: int
    """Mask tokens in the decoder."""
    scored: int
    """Answers of the decoder."""


def released_counts(config: EncoderConfig, counts: TokenCounts) -> TokenCounts:
    """The tokens that the released code computes, as the paper's tables count them.

    It projects every cube before it leaves out the hidden ones, and its decoder answers every
    query, also those that carry no loss: ``autoencoder_macs(model, released_counts(…))`` gives the
    FLOPs of arXiv 2303.16727 tables 1 and 2.

    Args:
        config: The encoder, whose cubes are all projected.
        counts: Of a masking, as ``token_counts`` of tasks/pretrain.py gives them.
    """
    return replace(counts, embedded=config.cubes.tokens, scored=counts.queries)


def classifier_macs(config: EncoderConfig, *, classes: int = 0) -> int:
    """One view through an encoder that sees every cube, with a head of ``classes``."""
    tokens = config.cubes.tokens
    return encoder_macs(config, embedded=tokens, visible=tokens) + config.shape.dim * classes


def autoencoder_macs(config: AutoencoderConfig, counts: TokenCounts, *, trim: bool = False) -> int:
    """One clip through encoder and decoder.

    Args:
        config: The model.
        counts: Where the tokens go.
        trim: Count the decoder's last block as computed here, for the answers only; the released
            code computes it for all tokens.

    Source: reproduces arXiv 2303.16727 tables 1 and 2.
    """
    encoder = config.encoder
    dim, depth = config.decoder_dim, config.decoder.depth
    hidden = mlp_width(dim, encoder.shape.mlp_ratio)
    tokens = counts.visible + counts.queries
    asked = counts.scored if trim else tokens
    return (
        encoder_macs(encoder, embedded=counts.embedded, visible=counts.visible)
        + counts.visible * encoder.shape.dim * dim
        + (depth - 1) * block_macs(tokens, dim, hidden)
        + block_macs(tokens, dim, hidden, asked=asked)
        + counts.scored * dim * encoder.cubes.values
    )


def encoder_macs(config: EncoderConfig, *, embedded: int, visible: int) -> int:
    """Patch embedding and blocks."""
    shape = config.shape
    hidden = mlp_width(shape.dim, shape.mlp_ratio)
    return embedded * config.cubes.values * shape.dim + shape.depth * block_macs(
        visible, shape.dim, hidden
    )


def block_macs(tokens: int, dim: int, hidden: int, *, asked: int | None = None) -> int:
    """One block over ``tokens``, of which the last ``asked`` are computed (all if not given)."""
    asked = tokens if asked is None else asked
    project = 2 * tokens * dim * dim + 2 * asked * dim * dim  # keys, values; queries, output
    attend = 2 * asked * tokens * dim
    return project + attend + 2 * asked * dim * hidden
