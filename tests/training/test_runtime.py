"""The switches of torch that a run sets."""

import pytest
import torch
import torch.utils.deterministic
from torch import nn

from tests.helpers.models import small_model
from videomae2.errors import ConfigError
from videomae2.training.runtime import (
    Runtime,
    RuntimeConfig,
    compile_blocks,
    count_threads,
    resolve_runtime,
    set_deterministic,
    set_matmul_precision,
    use_threads,
)


@pytest.fixture
def four_threads(monkeypatch):
    """A machine of four cores, of which nobody has said how many to use."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)


@pytest.fixture(autouse=True)
def switches(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = before


def test_deterministic_kernels_fill_no_memory_and_can_be_left_again():
    set_deterministic(True)
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    assert not torch.utils.deterministic.fill_uninitialized_memory
    set_deterministic(False)
    assert not torch.are_deterministic_algorithms_enabled()


def test_blocks_are_compiled_one_by_one_wherever_their_stack_is(monkeypatch):
    """Of encoder and decoder: a whole model would be one long graph."""
    compiled = []
    monkeypatch.setattr(nn.Module, "compile", lambda block: compiled.append(block))
    model = small_model(seed=0)
    compile_blocks(model)
    assert compiled == [*model.encoder.blocks, *model.decoder.blocks]


@pytest.mark.parametrize("name", ["mps", "xpu"])
def test_a_device_that_was_never_tried_is_refused(name):
    with pytest.raises(ConfigError, match=f"device '{name}' is not supported; use cpu"):
        resolve_runtime(RuntimeConfig(device=name))


@pytest.mark.parametrize(
    ("device", "precision", "products"),
    [("cuda", "bf16", "high"), ("cuda", "fp32", "highest"), ("cpu", "bf16", "highest")],
)
def test_float32_is_rounded_beside_bf16_on_a_gpu_only(device, precision, products):
    set_matmul_precision(Runtime(torch.device(device), precision, compile=False))
    assert torch.get_float32_matmul_precision() == products
    torch.set_float32_matmul_precision("highest")


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize(
    ("macs", "threads"),
    [(0, 1), (10**8, 1), (11 * 10**8, 1), (12 * 10**8, 2), (19 * 10**8, 3), (10**13, 4)],
)
def test_a_step_gets_the_threads_that_it_has_work_for(macs, threads):
    assert count_threads(RuntimeConfig(device="cpu"), macs) == threads


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("macs", [0, 10**13])
def test_what_a_person_says_about_threads_wins(macs, monkeypatch):
    assert count_threads(RuntimeConfig(device="cpu", threads=3), macs) == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert count_threads(RuntimeConfig(device="cpu"), macs) == 4
    assert count_threads(RuntimeConfig(device="cpu", threads=2), macs) == 2


def test_threads_are_as_before_after_a_run_and_after_an_error():
    before = torch.get_num_threads()
    with use_threads(before + 2):
        assert torch.get_num_threads() == before + 2
    assert torch.get_num_threads() == before
    with pytest.raises(ConfigError), use_threads(before + 1):
        raise ConfigError("stopped")
    assert torch.get_num_threads() == before
