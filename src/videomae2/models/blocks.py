"""A stack of blocks: stochastic depth that rises, activation checkpointing, a trimmed last block.

Axes: batch, tokens, dim; asked = the last tokens that are read; depth = blocks.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from videomae2.models.layers import Block
from videomae2.tensors.drops import branch_factors
from videomae2.tensors.keyed import split

_STREAM = 41
"""Of a clip's key: what stochastic depth leaves out of the encoder."""


class Blocks(nn.ModuleList):
    """A stack of blocks with stochastic depth that rises, and optional activation checkpointing.

    Which clips a block leaves out is a function of their keys, so a batch may be cut in any way.
    """

    def __init__(
        self,
        dim: int,
        depth: int,
        heads: int,
        hidden: int,
        *,
        drop_path: float = 0.0,
        layer_scale: float = 0.0,
        cosine: bool = False,
        checkpoint_blocks: bool = False,
        stream: int = _STREAM,
    ) -> None:
        if depth < 1:
            raise ValueError(f"a stack of blocks needs a depth of 1 or more, got {depth}")
        if not 0 <= drop_path < 1:
            raise ValueError(f"stochastic depth needs a rate from 0 to below 1, got {drop_path}")
        super().__init__(
            Block(dim, heads, hidden, layer_scale=layer_scale, cosine=cosine) for _ in range(depth)
        )
        self.drop_path, self.stream = drop_path, stream
        self.checkpoint_blocks = checkpoint_blocks

    def forward(
        self,
        x: Float[Tensor, "batch tokens dim"],
        *,
        asked: int | None = None,
        keys: Int64[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch asked dim"]:
        """Run all blocks; the last computes no more than the last ``asked`` tokens."""
        factors = self._factors(keys)
        for number, block in enumerate(self):
            count = asked if asked is not None and number == len(self) - 1 else x.shape[1]
            own = None if factors is None else factors[number]
            if self.checkpoint_blocks and self.training and torch.is_grad_enabled():
                # nothing in a block draws, so there is no state of a generator to restore
                x = checkpoint(block, x, count, own, use_reentrant=False, preserve_rng_state=False)
            else:
                x = block(x, count, own)
        return x

    def _factors(self, keys: Tensor | None) -> Float[Tensor, "depth 2 batch 1 1"] | None:
        """What the branches of each block are multiplied by; None where nothing is left out."""
        if not self.training or self.drop_path == 0:
            return None
        if keys is None:
            raise ValueError("stochastic depth draws by the clips' keys: give them in training")
        return branch_factors(split(keys, self.stream), self.drop_path, len(self))
