"""What a measurement switches for the whole process is as it was afterwards."""

import time

import pytest
import torch

from videomae2.commands.bench.gpu import TimeBudget
from videomae2.commands.bench.gpu_measurements import GpuBench
from videomae2.tensors import matmul
from videomae2.training.runtime import Runtime


@pytest.fixture(autouse=True)
def switches():
    before = matmul.get_backend()
    yield
    matmul.set_backend(before)
    if torch.are_deterministic_algorithms_enabled():
        torch.use_deterministic_algorithms(False)


@pytest.fixture
def make_bench(tmp_path):
    """The measurements of bench-gpu, on a CPU."""
    runtime = Runtime(torch.device("cpu"), "fp32", compile=False)

    def make(kinds):
        clock = TimeBudget(kinds, end=time.monotonic() + 1000)
        return GpuBench(runtime, clock, folder=tmp_path, largest_batch=4)

    return make
