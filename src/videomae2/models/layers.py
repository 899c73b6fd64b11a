"""Transformer pieces shared by the encoder and the decoder.

Axes: batch, tokens, dim, heads, per_head (= dim / heads); asked = the last tokens that are read.
"""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from videomae2.tensors import products
from videomae2.tensors.attention import attend

LAYER_NORM_EPSILON = 1e-6
_COSINE_SCALE_START = math.log(10)
_COSINE_SCALE_LIMIT = 4.6052  # ln 100, as the released code rounds it


class Linear(nn.Linear):
    """A linear map, computed by whichever library is fast here."""

    def forward(self, x: Float[Tensor, "*rows dim_in"]) -> Float[Tensor, "*rows dim_out"]:
        return products.linear(x, self.weight, self.bias)

    def of_gelu(self, x: Float[Tensor, "*rows dim_in"]) -> Float[Tensor, "*rows dim_out"]:
        """Compute the map of ``gelu(x)``, without keeping that where it can be spared."""
        return products.linear_of_gelu(x, self.weight, self.bias)

    def part(
        self,
        x: Float[Tensor, "*rows dim_in"],
        outputs: slice | None,
        bias: Float[Tensor, " part"],
    ) -> Float[Tensor, "*rows part"]:
        """Compute some of the outputs, or all, with a bias that is the caller's."""
        return products.linear(x, part_of(self.weight, outputs), bias)


def part_of(weight: Float[Tensor, "dim_out dim_in"], rows: slice | None) -> Tensor:
    """Some rows, or the whole as it is: the gradient of a slice of everything is a copy."""
    return weight if rows is None else weight[rows]


class Attention(nn.Module):
    """Self-attention over all tokens, with bias on query and value only.

    Leaving the key without bias follows BEiT: a constant added to every key shifts all scores of
    a query alike, and softmax ignores such a shift. With ``cosine``, queries and keys have length
    one and each head learns the sharpness of its softmax.

    Source: models/modeling_finetune.py of the released code (Attention, CosAttention).
    """

    def __init__(self, dim: int, heads: int, *, cosine: bool = False) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"dim must split evenly over heads, got dim={dim}, heads={heads}")
        self.heads = heads
        self.qkv = Linear(dim, 3 * dim, bias=False)
        self.q_bias = nn.Parameter(torch.empty(dim))
        self.v_bias = nn.Parameter(torch.empty(dim))
        self.proj = Linear(dim, dim)
        self.scale = nn.Parameter(torch.empty(heads, 1, 1)) if cosine else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the parameters that are this module's own."""
        nn.init.zeros_(self.q_bias)
        nn.init.zeros_(self.v_bias)
        if self.scale is not None:
            nn.init.constant_(self.scale, _COSINE_SCALE_START)

    def forward(
        self, x: Float[Tensor, "batch tokens dim"], asked: int
    ) -> Float[Tensor, "batch asked dim"]:
        q, k, v = self._project(x, asked)
        if self.scale is None:
            y = attend(q, k, v)
        else:
            sharp = self.scale.clamp(max=_COSINE_SCALE_LIMIT).exp()
            q = F.normalize(q, dim=-1) * sharp.to(q.dtype)
            y = attend(q, F.normalize(k, dim=-1), v, scale=1.0)
        return self.proj(rearrange(y, "b heads n per_head -> b n (heads per_head)"))

    def _project(self, x: Tensor, asked: int) -> tuple[Tensor, Tensor, Tensor]:
        """Queries of the asked tokens, keys and values of all, split into heads."""
        dim = x.shape[-1]
        no_bias = torch.zeros_like(self.v_bias)
        if asked == x.shape[1]:
            bias = torch.cat((self.q_bias, no_bias, self.v_bias))
            qkv = self.qkv.part(x, None, bias)
            q, k, v = rearrange(qkv, "b n (qkv h d) -> qkv b h n d", qkv=3, h=self.heads)
            return q, k, v
        q = self.qkv.part(x[:, -asked:], slice(dim), self.q_bias)
        kv = self.qkv.part(x, slice(dim, None), torch.cat((no_bias, self.v_bias)))
        k, v = rearrange(kv, "b n (kv h d) -> kv b h n d", kv=2, h=self.heads)
        return rearrange(q, "b n (h d) -> b h n d", h=self.heads), k, v


class MLP(nn.Module):
    """Two linear layers with an exact GELU between them."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = Linear(dim, hidden)
        self.fc2 = Linear(hidden, dim)

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        return self.fc2.of_gelu(self.fc1(x))


class Block(nn.Module):
    """Attention and MLP, each behind a LayerNorm and beside a residual.

    Args of forward:
        x: The tokens.
        asked: How many of the last tokens to compute; all of them still serve as keys and
            values. The last block of a decoder needs no more than the answers.
        factors: What to multiply the two residual branches of each clip by (stochastic depth);
            nothing if not given.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        hidden: int,
        *,
        layer_scale: float = 0.0,
        cosine: bool = False,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=LAYER_NORM_EPSILON)
        self.attn = Attention(dim, heads, cosine=cosine)
        self.norm2 = nn.LayerNorm(dim, eps=LAYER_NORM_EPSILON)
        self.mlp = MLP(dim, hidden)
        self.layer_scale = layer_scale
        self.gamma_1 = nn.Parameter(torch.empty(dim)) if layer_scale > 0 else None
        self.gamma_2 = nn.Parameter(torch.empty(dim)) if layer_scale > 0 else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the parameters that are this module's own."""
        for gamma in (self.gamma_1, self.gamma_2):
            if gamma is not None:
                nn.init.constant_(gamma, self.layer_scale)

    def forward(
        self,
        x: Float[Tensor, "batch tokens dim"],
        asked: int,
        factors: Float[Tensor, "2 batch 1 1"] | None = None,
    ) -> Float[Tensor, "batch asked dim"]:
        of_attention, of_mlp = (None, None) if factors is None else factors.unbind()
        y = self.attn(self.norm1(x), asked)
        if asked < x.shape[1]:  # the gradient of a slice is a copy, also of a slice of everything
            x = x[:, -asked:]
        x = x + _branch(y, self.gamma_1, of_attention)
        return x + _branch(self.mlp(self.norm2(x)), self.gamma_2, of_mlp)


def _branch(y: Tensor, gamma: Tensor | None, factor: Tensor | None) -> Tensor:
    y = y if gamma is None else gamma * y
    return y if factor is None else y * factor.to(y.dtype)


def mlp_width(dim: int, ratio: float) -> int:
    """The hidden width of an MLP, rounded down as in the released code (2234 = 512 * 48/11)."""
    return int(dim * ratio)
