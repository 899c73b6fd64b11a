"""The switches of torch that a run sets."""

import pytest
import torch
import torch.utils.deterministic

from videomae2.engine.runtime import use_deterministic_kernels


@pytest.fixture(autouse=True)
def switches(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = before


def test_deterministic_kernels_fill_no_memory_and_can_be_left_again():
    use_deterministic_kernels(True)
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    assert not torch.utils.deterministic.fill_uninitialized_memory
    use_deterministic_kernels(False)
    assert not torch.are_deterministic_algorithms_enabled()
