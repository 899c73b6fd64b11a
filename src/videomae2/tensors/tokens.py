"""From two masks to lists of token numbers: what the encoder sees and the decoder is asked.

All shapes are known beforehand and no step waits for the device.

Axes: batch, tokens, vis = seen by the encoder, queries = asked of the decoder.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor


@dataclass(frozen=True, slots=True)
class TokenSplit:
    """Which cubes of each clip go where, as token numbers.

    The decoder reads the visible cubes and all queries, and answers the last ``num_loss_tokens``
    of these.
    """

    visible: Int64[Tensor, "batch vis"]
    queries: Int64[Tensor, "batch queries"]
    num_loss_tokens: int
    weight: Float[Tensor, "batch loss_tokens"] | None = None
    """1 on answers that the loss counts, 0 on others; None if it counts all."""

    @property
    def loss_tokens(self) -> Int64[Tensor, "batch loss_tokens"]:
        """Token numbers of the answers."""
        return self.queries[:, self.queries.shape[1] - self.num_loss_tokens :]


def select_visible(hidden: Bool[Tensor, "batch tokens"], count: int) -> Int64[Tensor, "batch vis"]:
    """The ``count`` tokens of each clip that are not hidden, in clip order."""
    return _first_by_rank(hidden.byte(), count)


def split_v1(hidden: Bool[Tensor, "batch tokens"], hidden_count: int) -> TokenSplit:
    """Decode every hidden cube, as VideoMAE (V1) does."""
    tokens = hidden.shape[1]
    order = _first_by_rank(hidden.byte(), tokens)
    visible = tokens - hidden_count
    return TokenSplit(
        visible=order[:, :visible], queries=order[:, visible:], num_loss_tokens=hidden_count
    )


def split_dual(
    hidden: Bool[Tensor, "batch tokens"],
    dropped: Bool[Tensor, "batch tokens"],
    *,
    hidden_count: int,
    dropped_count: int,
    num_loss_tokens: int | None,
    hidden_only: bool = False,
) -> TokenSplit:
    """Decode what the second mask keeps, and score the part of it that the encoder could not see.

    Args:
        hidden: From the encoder.
        dropped: By the decoder.
        hidden_count: How many of each clip.
        dropped_count: How many of each clip.
        num_loss_tokens: How many are hidden and kept in each clip; None if clips differ, then
            every kept cube is answered and the weight says which count.
        hidden_only: Leave out the queries at visible places, which carry no loss.

    Raises:
        ValueError: If ``hidden_only`` is asked for and clips differ in what is scored.

    Source: arXiv 2303.16727 section 3.2; the exact form asks at every kept place, also the
        visible ones, as its table of shapes and the released code do.
    """
    kept = hidden.shape[1] - dropped_count
    visible = select_visible(hidden, hidden.shape[1] - hidden_count)
    rank = torch.where(dropped, 2, hidden.long())  # kept and visible, kept and hidden, dropped
    queries = _first_by_rank(rank, kept)
    if num_loss_tokens is None:
        if hidden_only:
            raise ValueError(
                "clips differ in what is scored, so the decoder cannot leave out visible queries"
            )
        weight = hidden.gather(1, queries).float()
        return TokenSplit(visible=visible, queries=queries, num_loss_tokens=kept, weight=weight)
    if hidden_only:
        queries = queries[:, kept - num_loss_tokens :]
    return TokenSplit(visible=visible, queries=queries, num_loss_tokens=num_loss_tokens)


def weight_all(split: TokenSplit) -> TokenSplit:
    """The same split with every query answered and counted: the loss of the ablation's row."""
    return TokenSplit(
        visible=split.visible, queries=split.queries, num_loss_tokens=split.queries.shape[1]
    )


def _first_by_rank(rank: Tensor, count: int) -> Int64[Tensor, "batch _"]:
    """The first ``count`` tokens of each clip by rank, in clip order within a rank."""
    return rank.argsort(dim=1, stable=True)[:, :count]
