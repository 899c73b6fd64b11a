"""The machine that is measured: its facts, and its best sustained rate of matrix products.

Axes: rows, dim_in, dim_out.
"""

import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from videomae2.base.text import format_count
from videomae2.tensors import matmul
from videomae2.training.runtime import Runtime, count_available_cores, get_peak_memory_gib


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """Facts of a measurement."""

    date: str
    """In UTC."""
    commit: str
    """Of the working tree, with + if it was changed; empty outside of one."""
    processor: str
    num_cores: int
    """Cores that this process may use."""
    threads: int
    """Threads of PyTorch."""
    device: str
    matmul_backend: str
    """Who computes float32 products on the CPU."""
    torch: str
    python: str

    def __str__(self) -> str:
        text = (
            f"{self.processor}, {format_count(self.num_cores, 'core')}, "
            f"{format_count(self.threads, 'thread')}"
        )
        if self.device != "cpu":
            text = f"{self.device} ({text})"
        commit = f", commit {self.commit}" if self.commit else ""
        return f"{text}; torch {self.torch}, Python {self.python}; {self.date}{commit}"


def describe_machine(device: torch.device) -> Machine:
    """Collect the facts."""
    cuda = device.type == "cuda"
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=_find_commit(),
        processor=_find_processor(),
        num_cores=count_available_cores(),
        threads=torch.get_num_threads(),
        device=torch.cuda.get_device_name(device) if cuda else "cpu",
        matmul_backend=matmul.get_backend(),
        torch=torch.__version__,
        python=platform.python_version(),
    )


def reset_peak_memory(device: torch.device) -> None:
    """Forget the highest use of memory so far, where the system can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # not Linux, or not allowed: the peak is then that of the whole process
        return


def highest_memory_gib(runtime: Runtime) -> float:
    """The most memory used since ``reset_peak_memory``: of the device, or of this process."""
    if runtime.device.type == "cpu" and (peak := _read_process_memory_gib("VmHWM")) is not None:
        return peak
    return get_peak_memory_gib(runtime.device)


def resident_memory_gib() -> float | None:
    """What this process holds of the machine's memory now; None where Linux does not say it."""
    return _read_process_memory_gib("VmRSS")


def _read_process_memory_gib(entry: str) -> float | None:
    """An entry of what Linux says of this process; None elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    kib = next((line.split()[1] for line in lines if line.startswith(f"{entry}:")), None)
    return None if kib is None else int(kib) / 2**20


def _find_processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _find_commit() -> str:
    def git(*words: str) -> str:
        folder = Path(__file__).parent
        command = ["git", "-C", str(folder), *words]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            return ""

    commit = git("rev-parse", "--short", "HEAD").strip()
    return f"{commit}+" if commit and git("status", "--porcelain").strip() else commit


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
    if device.type == "cpu" and dtype == torch.float32 and matmul.has_onednn():
        backends["onednn"] = matmul.linear_no_grad
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
