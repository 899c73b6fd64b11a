"""Attention over tokens: PyTorch's own, or on some CPUs plain products or one head at a time.

On CPUs with bf16 products the backward of PyTorch's fused attention is slow for few tokens in bf16:
there it is two products and a softmax, whose small scores are kept for the gradient. With more
tokens the fused form on the CPU computes its products with MKL and its exponentials between them;
where oneDNN is the faster library (see ``tensors/matmul.py``) it is quicker to take one head at a
time. A head's scores stay in the cache, and as in the fused form no scores are kept for the
gradient, which computes them again. Both are switches of the process that only
``training/runtime.py`` turns.

Axes: batch, heads, queries, tokens = keys and values, per_head.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from videomae2.tensors import matmul

_MIN_TOKENS = 128  # below, calling many small products costs more than it saves
_MAX_PLAIN_TOKENS = 64  # up to there measured: 3 to 8 times as fast as the fused form

_use_plain_bf16 = False


def set_plain_bf16(enabled: bool) -> None:
    """Choose plain products for few tokens in bf16 on the CPU, where it has such products."""
    global _use_plain_bf16
    _use_plain_bf16 = enabled


def attend(
    q: Float[Tensor, "batch heads queries per_head"],
    k: Float[Tensor, "batch heads tokens per_head"],
    v: Float[Tensor, "batch heads tokens per_head"],
    *,
    scale: float | None = None,
) -> Float[Tensor, "batch heads queries per_head"]:
    """Each head's ``softmax(q @ k.T * scale) @ v``; scale is 1/sqrt(per_head) if not given."""
    tokens, dtype = k.shape[2], q.dtype
    if (
        q.device.type != "cpu"
        or dtype not in (torch.float32, torch.bfloat16)
        or not dtype == k.dtype == v.dtype
        or torch.compiler.is_compiling()
    ):
        return F.scaled_dot_product_attention(q, k, v, scale=scale)
    scaled = scale or 1 / math.sqrt(q.shape[3])
    if _use_plain_bf16 and dtype == torch.bfloat16 and tokens <= _MAX_PLAIN_TOKENS:
        # not F.softmax, which autocast would compute in float32
        return torch.ops.aten._softmax(q * scaled @ k.transpose(2, 3), 3, False) @ v
    if matmul.get_backend() == "default" or tokens < _MIN_TOKENS:
        return F.scaled_dot_product_attention(q, k, v, scale=scale)
    return _PerHeadAttention.apply(q * scaled, k, v)


class _PerHeadAttention(torch.autograd.Function):
    """Softmax attention of queries that are already scaled."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        ctx.save_for_backward(q, k, v)
        out = _empty_tokens_first(q)
        for y, q1, k1, v1 in zip(*map(_unbind_heads, (out, q, k, v)), strict=True):
            y.copy_(matmul.linear_no_grad(_attention_weights(q1, k1), v1.t()))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = ctx.saved_tensors
        grad_q, grad_k, grad_v = (_empty_tokens_first(x) for x in (q, k, v))
        heads = zip(*map(_unbind_heads, (grad_q, grad_k, grad_v, q, k, v, grad)), strict=True)
        for to_q1, to_k1, to_v1, q1, k1, v1, grad1 in heads:
            g = grad1.contiguous()
            p = _attention_weights(q1, k1)
            grad_p = matmul.linear_no_grad(g, v1)
            grad_scores = torch.ops.aten._softmax_backward_data(grad_p, p, 1, p.dtype)
            to_q1.copy_(matmul.linear_no_grad(grad_scores, k1.t()))
            # both transposed: oneDNN is twice as fast with the long side last
            to_k1.copy_(matmul.linear_no_grad(q1.t(), grad_scores.t()).t())
            to_v1.copy_(matmul.linear_no_grad(g.t(), p.t()).t())
        return grad_q, grad_k, grad_v


def _attention_weights(q: Tensor, k: Tensor) -> Tensor:
    """How much each query of one head looks at each key."""
    scores = matmul.linear_no_grad(q, k)
    return torch.ops.aten._softmax(scores, 1, False)


def _unbind_heads(x: Tensor) -> tuple[Tensor, ...]:
    """Matrices [tokens, per_head] of all heads of all clips."""
    return tuple(head for clip in x.unbind() for head in clip.unbind())


def _empty_tokens_first(x: Tensor) -> Tensor:
    """Room for a tensor of this shape that lies in memory as [batch, tokens, heads, per_head]."""
    batch, heads, tokens, per_head = x.shape
    return x.new_empty(batch, tokens, heads, per_head).transpose(1, 2)
