"""A transformer block and its parts, and the stack of blocks with stochastic depth.

Axes: batch, tokens, dim, heads, per_head (= dim / heads); outputs = the last tokens, which are
computed; rows = rows of a weight; depth = blocks.
"""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from videomae2.tensors import matmul
from videomae2.tensors.attention import attend
from videomae2.tensors.rng_torch import drop_path_mask, fold_in

LAYER_NORM_EPSILON = 1e-6

_COSINE_SCALE_INIT = math.log(10)
_COSINE_SCALE_LIMIT = 4.6052  # ln 100, as the released code rounds it


class Linear(nn.Linear):
    """A linear map, computed by whichever library is fast here."""

    def forward(self, x: Float[Tensor, "*rows dim_in"]) -> Float[Tensor, "*rows dim_out"]:
        return matmul.linear(x, self.weight, self.bias)

    def forward_gelu(self, x: Float[Tensor, "*rows dim_in"]) -> Float[Tensor, "*rows dim_out"]:
        """Compute the map of ``gelu(x)``, without keeping that where it can be spared."""
        return matmul.gelu_linear(x, self.weight, self.bias)

    def forward_rows(
        self, x: Float[Tensor, "*rows dim_in"], rows: slice | None, bias: Float[Tensor, " part"]
    ) -> Float[Tensor, "*rows part"]:
        """Compute some of the outputs, or all, with a bias that is the caller's."""
        return matmul.linear(x, select_rows(self.weight, rows), bias)


def select_rows(weight: Float[Tensor, "dim_out dim_in"], rows: slice | None) -> Tensor:
    """Some rows, or the whole as it is: the gradient of a slice of everything is a copy."""
    return weight if rows is None else weight[rows]


class Attention(nn.Module):
    """Self-attention over all tokens, with bias on query and value only.

    Leaving the key without bias follows BEiT: a constant added to every key shifts all scores of
    a query alike, and softmax ignores such a shift. With ``cosine``, queries and keys have length
    one and each head learns the sharpness of its softmax.

    Source: models/modeling_finetune.py of the released code (Attention, CosAttention).
    """

    def __init__(self, dim: int, num_heads: int, *, cosine: bool = False) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"dim must split evenly over heads, got dim={dim}, heads={num_heads}")
        self.num_heads = num_heads
        self.qkv = Linear(dim, 3 * dim, bias=False)
        self.q_bias = nn.Parameter(torch.empty(dim))
        self.v_bias = nn.Parameter(torch.empty(dim))
        self.proj = Linear(dim, dim)
        self.scale = nn.Parameter(torch.empty(num_heads, 1, 1)) if cosine else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the parameters that are this module's own."""
        nn.init.zeros_(self.q_bias)
        nn.init.zeros_(self.v_bias)
        if self.scale is not None:
            nn.init.constant_(self.scale, _COSINE_SCALE_INIT)

    def forward(
        self, x: Float[Tensor, "batch tokens dim"], num_outputs: int
    ) -> Float[Tensor, "batch outputs dim"]:
        q, k, v = self._project(x, num_outputs)
        if self.scale is None:
            y = attend(q, k, v)
        else:
            y = attend(*self._scale_cosine(q, k), v, scale=1.0)
        return self.proj(rearrange(y, "b heads n per_head -> b n (heads per_head)"))

    def compute_weights(
        self, x: Float[Tensor, "batch tokens dim"]
    ) -> Float[Tensor, "batch tokens tokens"]:
        """How much each token looks at each: the mean over the heads, one at a time in memory."""
        q, k, _ = self._project(x, x.shape[1])
        if self.scale is None:
            q = q * q.shape[-1] ** -0.5
        else:
            q, k = self._scale_cosine(q, k)
        total = torch.zeros(len(x), x.shape[1], x.shape[1], dtype=q.dtype, device=x.device)
        for head in range(self.num_heads):
            total += (q[:, head] @ k[:, head].transpose(1, 2)).softmax(dim=-1)
        return total / self.num_heads

    def _scale_cosine(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """Queries of length one times the sharpness of their head, and keys of length one."""
        assert self.scale is not None
        scale = self.scale.clamp(max=_COSINE_SCALE_LIMIT).exp()
        return F.normalize(q, dim=-1) * scale.to(q.dtype), F.normalize(k, dim=-1)

    def _project(self, x: Tensor, num_outputs: int) -> tuple[Tensor, Tensor, Tensor]:
        """Queries of the last tokens, keys and values of all, split into heads."""
        dim = x.shape[-1]
        no_bias = torch.zeros_like(self.v_bias)
        if num_outputs == x.shape[1]:
            bias = torch.cat((self.q_bias, no_bias, self.v_bias))
            qkv = self.qkv.forward_rows(x, None, bias)
            q, k, v = rearrange(qkv, "b n (qkv h d) -> qkv b h n d", qkv=3, h=self.num_heads)
            return q, k, v
        q = self.qkv.forward_rows(x[:, -num_outputs:], slice(dim), self.q_bias)
        kv = self.qkv.forward_rows(x, slice(dim, None), torch.cat((no_bias, self.v_bias)))
        k, v = rearrange(kv, "b n (kv h d) -> kv b h n d", kv=2, h=self.num_heads)
        return rearrange(q, "b n (h d) -> b h n d", h=self.num_heads), k, v


class MLP(nn.Module):
    """Two linear layers with an exact GELU between them."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = Linear(dim, hidden)
        self.fc2 = Linear(hidden, dim)

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        return self.fc2.forward_gelu(self.fc1(x))


def compute_mlp_width(dim: int, ratio: float) -> int:
    """The hidden width of an MLP, rounded down as in the released code (2234 = 512 * 48/11)."""
    return int(dim * ratio)


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
        eps: float = LAYER_NORM_EPSILON,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.attn = Attention(dim, num_heads, cosine=cosine)
        self.norm2 = nn.LayerNorm(dim, eps=eps)
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
        eps: float = LAYER_NORM_EPSILON,
        stream: int = _ENCODER_DROP_PATH_STREAM,
    ) -> None:
        if depth < 1:
            raise ValueError(f"a stack of blocks needs a depth of 1 or more, got {depth}")
        if not 0 <= drop_path < 1:
            raise ValueError(f"stochastic depth needs a rate from 0 to below 1, got {drop_path}")
        super().__init__(
            Block(dim, num_heads, hidden, init_values=init_values, cosine=cosine, eps=eps)
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
