"""Parts of a transformer block: linear maps, attention, MLP.

Axes: batch, tokens, dim, heads, per_head (= dim / heads); outputs = the last tokens, which are
computed; rows = rows of a weight.
"""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from videomae2.tensors import matmul
from videomae2.tensors.attention import attend

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
            scale = self.scale.clamp(max=_COSINE_SCALE_LIMIT).exp()
            q = F.normalize(q, dim=-1) * scale.to(q.dtype)
            y = attend(q, F.normalize(k, dim=-1), v, scale=1.0)
        return self.proj(rearrange(y, "b heads n per_head -> b n (heads per_head)"))

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
