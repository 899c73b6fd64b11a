"""The machine's own limit: the best sustained rate of plain matrix products.

Axes: rows, dim_in, dim_out.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor

from videomae2.tensors import products

CPU_SHAPES = ((1024, 1024, 1024), (2048, 2048, 2048), (3136, 768, 3072))
CUDA_SHAPES = ((8192, 8192, 8192), (16384, 4096, 4096), (32768, 1408, 6144))


@dataclass(frozen=True, kw_only=True, slots=True)
class MatmulPeak:
    """The fastest of several matrix products."""

    dtype: str
    """What was multiplied: float32, bfloat16, or tf32 where a device rounds float32 to that."""
    flops_per_second: float
    shape: tuple[int, int, int]
    """Rows, inner and outer width of the fastest."""
    backend: str
    """Who computed it: PyTorch's default or oneDNN (on a CPU)."""


def measure_peak(
    device: torch.device,
    dtype: torch.dtype,
    *,
    seconds: float = 0.4,
    shapes: tuple[tuple[int, int, int], ...] | None = None,
) -> MatmulPeak:
    """Time products of random matrices, and take the median rate of the best shape and library.

    Args:
        device: Where.
        dtype: float32 or bfloat16.
        seconds: How long each shape is repeated.
        shapes: Rows, inner and outer widths; the defaults suit a CPU or a large GPU.
    """
    rates = []
    for shape in shapes or (CPU_SHAPES if device.type == "cpu" else CUDA_SHAPES):
        rows, inner, outer = shape
        generator = torch.Generator(device).manual_seed(0)
        a = torch.randn(rows, inner, device=device, generator=generator).to(dtype)
        b = torch.randn(outer, inner, device=device, generator=generator).to(dtype)
        for backend, multiply in _list_backends(device, dtype).items():
            rate = 2 * rows * inner * outer / _measure_median_seconds(multiply, a, b, seconds)
            rates.append((rate, shape, backend))
    rate, shape, backend = max(rates)
    return MatmulPeak(
        dtype="tf32" if _rounds_to_tf32(device, dtype) else str(dtype).removeprefix("torch."),
        flops_per_second=rate,
        shape=shape,
        backend=backend,
    )


def _rounds_to_tf32(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether float32 products keep 10 bits, as ``prepare`` asks for on CUDA (from Ampere on)."""
    if device.type != "cuda" or dtype != torch.float32:
        return False
    allowed = torch.get_float32_matmul_precision() != "highest"
    return allowed and torch.cuda.get_device_capability(device) >= (8, 0)


def _list_backends(
    device: torch.device, dtype: torch.dtype
) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    backends: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"default": lambda a, b: a @ b.t()}
    if device.type == "cpu" and dtype == torch.float32 and products.has_onednn():
        backends["onednn"] = products.linear_no_grad
    return backends


def _measure_median_seconds(
    multiply: Callable[[Tensor, Tensor], Tensor], a: Tensor, b: Tensor, seconds: float
) -> float:
    multiply(a, b)
    _synchronize(a.device)
    times: list[float] = []
    while sum(times) < seconds or len(times) < 3:
        started = time.perf_counter()
        multiply(a, b)
        _synchronize(a.device)
        times.append(time.perf_counter() - started)
    return median(times)


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
