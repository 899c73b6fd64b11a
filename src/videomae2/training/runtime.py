"""The machine: device, precision, threads, memory. All of it is read here."""

import ctypes
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
import torch.utils.deterministic
from torch import nn

from videomae2.base.ranges import ONE_OR_MORE
from videomae2.base.text import format_count
from videomae2.errors import ConfigError
from videomae2.tensors import attention, matmul

_MACS_PER_THREAD = 600_000_000
"""Of the forward pass of a micro-batch: with less a thread waits longer than it helps."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc


@dataclass(frozen=True, kw_only=True, slots=True)
class RuntimeConfig:
    """Where and how numbers are computed."""

    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Autocast to bf16 or not; auto does where the machine computes bf16 fast. fp32 is that on CUDA
    too, where what bf16 leaves in float32 is computed in TF32."""
    threads: Annotated[int | None, ONE_OR_MORE] = None
    """Threads that compute on the CPU. If not given what OMP_NUM_THREADS says, or as many of the
    cores as a step has work for: small steps are slower on several."""
    compile: bool = False
    """Compile the blocks of the model (torch.compile)."""
    deterministic: bool = True
    """Choose kernels that give the same bits every time; on CUDA this costs some speed."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What ``auto`` became."""

    device: torch.device
    precision: Literal["bf16", "fp32"]
    compile: bool

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which a task runs."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def __str__(self) -> str:
        name = format_count(torch.get_num_threads(), "thread")
        if self.device.type == "cuda":
            name = torch.cuda.get_device_name(self.device)
        compiled = ", compiled" if self.compile else ""
        return f"{self.device} ({name}), {self.precision}{compiled}"


def resolve_runtime(config: RuntimeConfig) -> Runtime:
    """Choose device and precision; a device that is not there is a ``ConfigError``."""
    device, precision = _resolve_device(config.device), config.precision
    if precision == "auto":
        precision = "bf16" if bf16_is_fast(device) else "fp32"
    return Runtime(device, precision, config.compile)


def prepare_runtime(config: RuntimeConfig) -> Runtime:
    """As ``resolve_runtime``, and set torch's global switches."""
    runtime = resolve_runtime(config)
    set_matmul_precision(runtime)
    if runtime.device.type == "cuda":
        set_deterministic(config.deterministic)
    else:
        # MKL, PyTorch's default, uses AVX-512 on Intel's processors only
        is_amd = _has_avx512() and "AuthenticAMD" in _read_cpuinfo()
        matmul.set_backend("onednn" if is_amd and matmul.has_onednn() else "default")
        attention.set_plain_bf16(bf16_is_fast(runtime.device))
        _keep_freed_memory()
    return runtime


def count_threads(config: RuntimeConfig, macs: int) -> int:
    """Choose the threads that compute steps whose forward pass has ``macs`` multiply-accumulates.

    A rule, not a measurement, which would depend on what else the machine does: a run must resume
    with as many, for other ones give other bits.
    """
    available = torch.get_num_threads()
    if config.threads is not None:
        return config.threads
    if "OMP_NUM_THREADS" in os.environ or _resolve_device(config.device).type == "cuda":
        return available
    return max(1, min(available, macs // _MACS_PER_THREAD))


@contextmanager
def use_threads(num_threads: int) -> Iterator[None]:
    """Compute with so many threads on the CPU, and afterwards with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(num_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def set_matmul_precision(runtime: Runtime) -> None:
    """Let a GPU round float32 products to TF32 where most are in bf16 anyway, and else nowhere."""
    use_tf32 = runtime.device.type == "cuda" and runtime.precision == "bf16"
    torch.set_float32_matmul_precision("high" if use_tf32 else "highest")


def set_deterministic(deterministic: bool) -> None:
    """Choose kernels that give the same bits every time, or the fastest.

    An operation that has no such kernel is an error, not a warning: attention takes its
    reproducible backward only then (with warnings, cuDNN's own stayed in use on an H200).

    New tensors are not filled with NaN, as PyTorch does then by itself: that is a pass over the
    memory for each, and helps only code that reads what it has not written.
    """
    if deterministic != torch.are_deterministic_algorithms_enabled():  # the call takes seconds
        torch.use_deterministic_algorithms(deterministic)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def compile_blocks(model: nn.Module) -> None:
    """Compile every block in place, one graph for all that look alike; names stay as they are."""
    for stack in model.modules():
        if isinstance(stack, nn.ModuleList):
            for block in stack:
                block.compile()


def count_available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def get_peak_memory_gib(device: torch.device) -> float:
    """The most memory used so far: of the device, or of this process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def _resolve_device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device '{name}' is not known; use cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):  # Apple's have no float64, which draws and readings need
        raise ConfigError(f"device '{name}' is not supported; use cpu, cuda or cuda:N")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device '{name}' is not there: torch sees no CUDA device; use cpu")
    if device.type == "cuda" and (device.index or 0) >= (count := torch.cuda.device_count()):
        raise ConfigError(f"device '{name}' is not there: the last CUDA device is cuda:{count - 1}")
    return device


def bf16_is_fast(device: torch.device) -> bool:
    """Whether a device computes products in bf16 itself; else each is made of others, slowly."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return _has_avx512() and any(flag in _read_cpuinfo() for flag in ("avx512_bf16", "amx_bf16"))


def _has_avx512() -> bool:
    return torch.backends.cpu.get_cpu_capability().startswith("AVX512")


def _read_cpuinfo() -> str:
    """What Linux says of the processor; nothing elsewhere."""
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""


def _keep_freed_memory() -> None:
    """Let glibc keep large blocks for the next tensor, not hand them back to the system each time.

    Getting them again costs a page fault for every 4 KiB: a tenth of a step on a CPU.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(_M_MMAP_THRESHOLD, 2**30)
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def resolve_num_workers(num_workers: int | None, runtime: Runtime) -> int:
    """Reading processes: most cores beside a GPU, a share of them where the CPU also trains."""
    if num_workers is not None:
        return num_workers
    num_cores = count_available_cores()
    return max(1, num_cores - 1) if runtime.device.type == "cuda" else max(1, num_cores // 2)
