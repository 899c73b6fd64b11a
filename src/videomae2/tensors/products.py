"""Linear maps, by whichever matrix-product library of the CPU is fast here.

PyTorch sends float32 products to MKL, which keeps its AVX-512 kernels for Intel's own processors;
on others oneDNN, which comes with PyTorch as well, is twice as fast at the same precision. The
results differ in rounding only. Which one is used is a switch of the process, like PyTorch's own
``set_float32_matmul_precision``; only ``engine/runtime.py`` turns it.

Axes: rows = everything before the last axis, dim_in, dim_out.
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

Library = Literal["default", "onednn"]

_library: Library = "default"


def use(library: Library) -> None:
    """Choose who computes float32 products on the CPU from here on.

    Raises:
        ValueError: If this build of PyTorch has no oneDNN.
    """
    global _library
    if library == "onednn" and not has_onednn():
        raise ValueError("this build of PyTorch has no oneDNN; use 'default'")
    _library = library


def used() -> Library:
    """Who computes float32 products on the CPU."""
    return _library


def has_onednn() -> bool:
    """Whether this build of PyTorch offers oneDNN's product on plain tensors."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def linear(
    x: Float[Tensor, "*rows dim_in"],
    weight: Float[Tensor, "dim_out dim_in"],
    bias: Float[Tensor, " dim_out"] | None,
) -> Float[Tensor, "*rows dim_out"]:
    """``x @ weight.T + bias``, in bf16 where autocast asks for it."""
    autocast = torch.is_autocast_enabled("cpu")
    dtype = torch.get_autocast_dtype("cpu") if autocast else weight.dtype
    if (
        _library == "default"
        or x.device.type != "cpu"
        or not (autocast or x.dtype == dtype)
        or dtype not in (torch.float32, torch.bfloat16)
        or x.numel() == 0
        or torch.compiler.is_compiling()
    ):
        return F.linear(x, weight, bias)
    rows = x.reshape(-1, x.shape[-1])
    return _Linear.apply(rows, weight, bias, dtype).view(*x.shape[:-1], len(weight))


def product(
    a: Float[Tensor, "rows dim_in"],
    b: Float[Tensor, "dim_out dim_in"],
    bias: Float[Tensor, " dim_out"] | None = None,
) -> Float[Tensor, "rows dim_out"]:
    """``a @ b.T + bias`` by oneDNN, without a gradient."""
    if a.dtype == torch.bfloat16:  # PyTorch's own way to oneDNN
        return a @ b.t() if bias is None else torch.addmm(bias, a, b.t())
    return torch.ops.mkldnn._linear_pointwise(_plain(a), _plain(b), bias, "none", [], "")


def _plain(x: Tensor) -> Tensor:
    """The same matrix, without gaps in memory: for others oneDNN has a kernel 1000 times slower."""
    return x if x.is_contiguous() or x.t().is_contiguous() else x.contiguous()


class _Linear(torch.autograd.Function):
    """A linear map computed in ``dtype``; the gradients come in the types of what they are of.

    In bf16 this also spares what autocast does by itself: to turn each weight's gradient round
    while it is cast to float32.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, dtype: torch.dtype
    ) -> Tensor:
        ctx.dtypes = x.dtype, weight.dtype
        x, weight = x.to(dtype), weight.to(dtype)
        ctx.save_for_backward(x, weight)
        return product(x, weight, None if bias is None else bias.to(dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        to_x, to_weight, to_bias, _ = ctx.needs_input_grad
        x_dtype, weight_dtype = ctx.dtypes
        return (
            product(grad, weight.t()).to(x_dtype) if to_x else None,
            product(grad.t(), x.t()).to(weight_dtype) if to_weight else None,
            grad.sum(dim=0).to(weight_dtype) if to_bias else None,
            None,
        )
