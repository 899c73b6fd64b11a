"""From two masks to lists of token numbers: what the encoder sees and the decoder is asked.

All shapes are known beforehand and no step waits for the device.

Axes: batch, tokens, vis = seen by the encoder, queries = asked of the decoder.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Split:
    """Which cubes of each clip go where, as token numbers.

    The decoder reads the visible cubes and all queries, and answers the last ``scored`` queries.
    """

    visible: Int64[Tensor, "batch vis"]
    queries: Int64[Tensor, "batch queries"]
    scored: int
    weight: Float[Tensor, "batch scored"] | None = None
    """1 on answers that the loss counts, 0 on others; None if it counts all."""

    @property
    def answered(self) -> Int64[Tensor, "batch scored"]:
        """Token numbers of the answers."""
        return self.queries[:, self.queries.shape[1] - self.scored :]


def visible_index(hidden: Bool[Tensor, "batch tokens"], count: int) -> Int64[Tensor, "batch vis"]:
    """The ``count`` tokens of each clip that are not hidden, in clip order."""
    return _first(hidden.byte(), count)


def split_v1(hidden: Bool[Tensor, "batch tokens"], hidden_count: int) -> Split:
    """Decode every hidden cube, as VideoMAE (V1) does."""
    tokens = hidden.shape[1]
    order = _first(hidden.byte(), tokens)
    visible = tokens - hidden_count
    return Split(visible=order[:, :visible], queries=order[:, visible:], scored=hidden_count)


def split_dual(
    hidden: Bool[Tensor, "batch tokens"],
    dropped: Bool[Tensor, "batch tokens"],
    *,
    hidden_count: int,
    dropped_count: int,
    scored_count: int | None,
    lean: bool = False,
) -> Split:
    """Decode what the second mask keeps, and score the part of it that the encoder could not see.

    Args:
        hidden: True = hidden from the encoder.
        dropped: True = left out by the decoder.
        hidden_count: How many are hidden in each clip.
        dropped_count: How many are dropped in each clip.
        scored_count: How many are hidden and kept in each clip; None if clips differ, then
            every kept cube is answered and the weight says which count.
        lean: Leave out the queries at visible places, which carry no loss.

    Raises:
        ValueError: If ``lean`` is asked for and clips differ in what is scored.

    Source: arXiv 2303.16727 section 3.2; the exact form asks at every kept place, also the
        visible ones, as its table of shapes and the released code do.
    """
    kept = hidden.shape[1] - dropped_count
    visible = visible_index(hidden, hidden.shape[1] - hidden_count)
    rank = torch.where(dropped, 2, hidden.long())  # kept and visible, kept and hidden, dropped
    queries = _first(rank, kept)
    if scored_count is None:
        if lean:
            raise ValueError("clips differ in what is scored, so the decoder cannot be lean")
        weight = hidden.gather(1, queries).float()
        return Split(visible=visible, queries=queries, scored=kept, weight=weight)
    if lean:
        queries = queries[:, kept - scored_count :]
    return Split(visible=visible, queries=queries, scored=scored_count)


def score_all(split: Split) -> Split:
    """The same split with every query answered and counted: the loss of the ablation's row."""
    return Split(visible=split.visible, queries=split.queries, scored=split.queries.shape[1])


def _first(rank: Tensor, count: int) -> Int64[Tensor, "batch picked"]:
    """The first ``count`` tokens of each clip by rank, in clip order within a rank."""
    return rank.argsort(dim=1, stable=True)[:, :count]
