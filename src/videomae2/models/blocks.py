"""A stack of blocks: stochastic depth that rises, activation checkpointing, a trimmed last block.

Axes: batch, tokens, dim; asked = the last tokens that are read; depth = blocks.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from videomae2.models.layers import Block
from videomae2.tensors.drops import drop_path_mask
from videomae2.tensors.keyed import fold_in

_ENCODER_DROP_PATH_STREAM = 41
"""Of a clip's key: what stochastic depth leaves out of the encoder."""


class Blocks(nn.ModuleList):
    """A stack of blocks with stochastic depth that rises, and optional activation checkpointing.

    Which clips a block leaves out is a function of their keys, so a batch may be cut in any way.
    """

    def __init__(
        self,
        dim: int,
        depth: int,
        num_heads: int,
        hidden: int,
        *,
        drop_path: float = 0.0,
        init_values: float = 0.0,
        cosine: bool = False,
        activation_checkpointing: bool = False,
        stream: int = _ENCODER_DROP_PATH_STREAM,
    ) -> None:
        if depth < 1:
            raise ValueError(f"a stack of blocks needs a depth of 1 or more, got {depth}")
        if not 0 <= drop_path < 1:
            raise ValueError(f"stochastic depth needs a rate from 0 to below 1, got {drop_path}")
        super().__init__(
            Block(dim, num_heads, hidden, init_values=init_values, cosine=cosine) for _ in range(depth)
        )
        self.drop_path, self.stream = drop_path, stream
        self.activation_checkpointing = activation_checkpointing

    def forward(
        self,
        x: Float[Tensor, "batch tokens dim"],
        *,
        num_outputs: int | None = None,
        keys: Int64[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch asked dim"]:
        """Run all blocks; the last computes no more than the last ``num_outputs`` tokens."""
        residual_masks = self._draw_residual_masks(keys)
        for index, block in enumerate(self):
            num_computed = num_outputs if num_outputs is not None and index == len(self) - 1 else x.shape[1]
            residual_mask = None if residual_masks is None else residual_masks[index]
            if self.activation_checkpointing and self.training and torch.is_grad_enabled():
                # nothing in a block draws, so there is no state of a generator to restore
                x = checkpoint(block, x, num_computed, residual_mask, use_reentrant=False, preserve_rng_state=False)
            else:
                x = block(x, num_computed, residual_mask)
        return x

    def _draw_residual_masks(self, keys: Tensor | None) -> Float[Tensor, "depth 2 batch 1 1"] | None:
        """What the branches of each block are multiplied by; None where nothing is left out."""
        if not self.training or self.drop_path == 0:
            return None
        if keys is None:
            raise ValueError("stochastic depth draws by the clips' keys: give them in training")
        return drop_path_mask(fold_in(keys, self.stream), self.drop_path, len(self))
