"""What was measured, where and when: the facts that belong to every number."""

import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from videomae2.engine.runtime import Runtime, count_available_cores, get_peak_memory_gib
from videomae2.tensors import products


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """Facts of a measurement."""

    date: str
    """In UTC."""
    commit: str
    """Of the working tree, with + if it was changed; empty outside of one."""
    processor: str
    cores: int
    """Cores that this process may use."""
    threads: int
    """Threads of PyTorch."""
    device: str
    matmul_backend: str
    """Who computes float32 products on the CPU."""
    torch: str
    python: str

    def __str__(self) -> str:
        text = f"{self.processor}, {self.cores} cores, {self.threads} threads"
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
        cores=count_available_cores(),
        threads=torch.get_num_threads(),
        device=torch.cuda.get_device_name(device) if cuda else "cpu",
        matmul_backend=products.get_backend(),
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
