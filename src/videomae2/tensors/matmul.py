"""Linear maps, by whichever matrix-product library of the CPU is fast here.

PyTorch sends float32 products to MKL, which keeps its AVX-512 kernels for Intel's own processors;
on others oneDNN, which comes with PyTorch as well, is twice as fast at the same precision. The
results differ in rounding only. Which one is used is a switch of the process, like PyTorch's own
``set_float32_matmul_precision``; only ``training/runtime.py`` turns it.

Axes: rows = everything before the last axis, dim_in, dim_out.
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

MatmulBackend = Literal["default", "onednn"]

_backend: MatmulBackend = "default"


def set_backend(backend: MatmulBackend) -> None:
    """Choose who computes float32 products on the CPU from here on; see ``has_onednn``."""
    global _backend
    _backend = backend


def get_backend() -> MatmulBackend:
    """Who computes float32 products on the CPU."""
    return _backend


def has_onednn() -> bool:
    """Whether this build of PyTorch offers oneDNN's product on plain tensors."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def linear(
    x: Float[Tensor, "*rows dim_in"],
    weight: Float[Tensor, "dim_out dim_in"],
    bias: Float[Tensor, " dim_out"] | None,
) -> Float[Tensor, "*rows dim_out"]:
    """``x @ weight.T + bias``, in bf16 where autocast asks for it."""
    dtype = _kernel_dtype(x, weight)
    if dtype is None or _backend == "default":
        return F.linear(x, weight, bias)
    return _apply_linear(x, weight, bias, dtype, gelu=False)


def gelu_linear(
    x: Float[Tensor, "*rows dim_in"],
    weight: Float[Tensor, "dim_out dim_in"],
    bias: Float[Tensor, " dim_out"] | None,
) -> Float[Tensor, "*rows dim_out"]:
    """``gelu(x) @ weight.T + bias`` with the exact GELU.

    On the CPU what GELU gives is not kept for the gradient but computed again: it is a quarter of
    all that a transformer keeps, and costs 1 % of the time.
    """
    dtype = _kernel_dtype(x, weight)
    if dtype is None:
        return F.linear(F.gelu(x), weight, bias)
    return _apply_linear(x, weight, bias, dtype, gelu=True)


def _kernel_dtype(x: Tensor, weight: Tensor) -> torch.dtype | None:
    """In what a product is computed by a function of our own; None: PyTorch's is to be used."""
    autocast = torch.is_autocast_enabled("cpu")
    dtype = torch.get_autocast_dtype("cpu") if autocast else weight.dtype
    if (
        x.device.type != "cpu"
        or not (autocast or x.dtype == dtype)
        or dtype not in (torch.float32, torch.bfloat16)
        or x.numel() == 0
        or torch.compiler.is_compiling()
    ):
        return None
    return dtype


def _apply_linear(
    x: Tensor, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, *, gelu: bool
) -> Tensor:
    rows = x.reshape(-1, x.shape[-1])
    return _LinearFunction.apply(rows, weight, bias, dtype, gelu).view(*x.shape[:-1], len(weight))


def linear_no_grad(
    a: Float[Tensor, "rows dim_in"],
    b: Float[Tensor, "dim_out dim_in"],
    bias: Float[Tensor, " dim_out"] | None = None,
) -> Float[Tensor, "rows dim_out"]:
    """``a @ b.T + bias`` by the library that is used, without a gradient."""
    if _backend == "default":
        return F.linear(a, b, bias)
    if a.dtype == torch.bfloat16:  # PyTorch's own way to oneDNN
        return a @ b.t() if bias is None else torch.addmm(bias, a, b.t())
    return torch.ops.mkldnn._linear_pointwise(_make_dense(a), _make_dense(b), bias, "none", [], "")


def _make_dense(x: Tensor) -> Tensor:
    """The same matrix, without gaps in memory: for others oneDNN has a kernel 1000 times slower."""
    return x if x.is_contiguous() or x.t().is_contiguous() else x.contiguous()


class _LinearFunction(torch.autograd.Function):
    """A linear map, of a GELU or not, computed in ``dtype``; gradients come in their own types.

    In bf16 this also spares what autocast does by itself: to turn each weight's gradient round
    while it is cast to float32.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, gelu: bool
    ) -> Tensor:
        ctx.dtypes, ctx.gelu = (x.dtype, weight.dtype), gelu
        x, weight = x.to(dtype), weight.to(dtype)
        ctx.save_for_backward(x, weight)
        inputs = F.gelu(x) if gelu else x
        return linear_no_grad(inputs, weight, None if bias is None else bias.to(dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        needs_x, needs_weight, needs_bias, *_ = ctx.needs_input_grad
        x_dtype, weight_dtype = ctx.dtypes
        grad_x, grad_weight = None, None
        if needs_weight:
            inputs = F.gelu(x) if ctx.gelu else x
            grad_weight = linear_no_grad(grad.t(), inputs.t()).to(weight_dtype)
        if needs_x:
            grad_x = linear_no_grad(grad, weight.t())
            grad_x = (torch.ops.aten.gelu_backward(grad_x, x) if ctx.gelu else grad_x).to(x_dtype)
        grad_bias = grad.sum(dim=0).to(weight_dtype) if needs_bias else None
        return grad_x, grad_weight, grad_bias, None, None
