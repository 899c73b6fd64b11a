"""Run the programs in benchmarks/ as a person would."""

import os
import subprocess
import sys
import time
from pathlib import Path

import torch

from videomae2.training.runtime import Runtime

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks"


def run(program: str, *words: str, seconds: float = 100) -> subprocess.CompletedProcess[str]:
    known = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, str(FOLDER / program), *words]
    return subprocess.run(command, env=known, capture_output=True, text=True, timeout=seconds)


def make_bench(folder, kinds):
    """The measurements of bench-gpu, on a CPU; the fixture ``programs`` finds its files."""
    from gpu_clock import TimeBudget
    from gpu_measurements import GpuBench

    runtime = Runtime(torch.device("cpu"), "fp32", compile=False)
    clock = TimeBudget(kinds, end=time.monotonic() + 1000)
    return GpuBench(runtime, clock, folder=folder, largest_batch=4)
