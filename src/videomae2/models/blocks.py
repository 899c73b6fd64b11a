"""A transformer block, and the stack of them with stochastic depth.

Axes: batch, tokens, dim; outputs = the last tokens, which are computed; depth = blocks.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from videomae2.models.layers import LAYER_NORM_EPSILON, MLP, Attention
from videomae2.tensors.drop_path import drop_path_mask
from videomae2.tensors.rng_torch import fold_in

_ENCODER_DROP_PATH_STREAM = 41
"""Of a clip's key: what stochastic depth leaves out of the encoder."""


class Block(nn.Module):
    """Attention and MLP, each behind a LayerNorm and beside a residual.

    Only the last ``num_outputs`` tokens are computed; all serve as keys and values. The last block
    of a decoder needs no more than the answers. Stochastic depth gives ``residual_mask``, which the
    two branches of each clip are multiplied by.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        hidden: int,
        *,
        init_values: float = 0.0,
        cosine: bool = False,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=LAYER_NORM_EPSILON)
        self.attn = Attention(dim, num_heads, cosine=cosine)
        self.norm2 = nn.LayerNorm(dim, eps=LAYER_NORM_EPSILON)
        self.mlp = MLP(dim, hidden)
        self.init_values = init_values
        self.gamma_1 = nn.Parameter(torch.empty(dim)) if init_values > 0 else None
        self.gamma_2 = nn.Parameter(torch.empty(dim)) if init_values > 0 else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the parameters that are this module's own."""
        for gamma in (self.gamma_1, self.gamma_2):
            if gamma is not None:
                nn.init.constant_(gamma, self.init_values)

    def forward(
        self,
        x: Float[Tensor, "batch tokens dim"],
        num_outputs: int,
        residual_mask: Float[Tensor, "2 batch 1 1"] | None = None,
    ) -> Float[Tensor, "batch outputs dim"]:
        attn_mask, mlp_mask = (None, None) if residual_mask is None else residual_mask.unbind()
        y = self.attn(self.norm1(x), num_outputs)
        # the gradient of a slice is a copy, also of a slice of everything
        if num_outputs < x.shape[1]:
            x = x[:, -num_outputs:]
        x = x + _scale_residual(y, self.gamma_1, attn_mask)
        return x + _scale_residual(self.mlp(self.norm2(x)), self.gamma_2, mlp_mask)


def _scale_residual(y: Tensor, gamma: Tensor | None, mask: Tensor | None) -> Tensor:
    y = y if gamma is None else gamma * y
    return y if mask is None else y * mask.to(y.dtype)


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
            Block(dim, num_heads, hidden, init_values=init_values, cosine=cosine)
            for _ in range(depth)
        )
        self.drop_path, self.stream = drop_path, stream
        self.activation_checkpointing = activation_checkpointing

    def forward(
        self,
        x: Float[Tensor, "batch tokens dim"],
        *,
        num_outputs: int | None = None,
        keys: Int64[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch outputs dim"]:
        """Run all blocks; the last computes no more than the last ``num_outputs`` tokens."""
        residual_masks = self._draw_residual_masks(keys)
        for index, block in enumerate(self):
            is_last = index == len(self) - 1
            num_computed = num_outputs if is_last and num_outputs is not None else x.shape[1]
            residual_mask = None if residual_masks is None else residual_masks[index]
            arguments = x, num_computed, residual_mask
            if self.activation_checkpointing and self.training and torch.is_grad_enabled():
                # nothing in a block draws, so there is no state of a generator to restore
                x = checkpoint(block, *arguments, use_reentrant=False, preserve_rng_state=False)
            else:
                x = block(*arguments)
        return x

    def _draw_residual_masks(
        self, keys: Tensor | None
    ) -> Float[Tensor, "depth 2 batch 1 1"] | None:
        if not self.training or self.drop_path == 0:
            return None
        if keys is None:
            raise ValueError("stochastic depth draws by the clips' keys: give them in training")
        return drop_path_mask(fold_in(keys, self.stream), self.drop_path, len(self))
