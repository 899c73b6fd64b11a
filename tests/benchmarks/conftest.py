"""The programs in benchmarks/ as modules."""

import pytest
import torch

from tests.benchmarks.programs import FOLDER
from videomae2.tensors import matmul


@pytest.fixture
def programs(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    before = matmul.get_backend()
    yield
    matmul.set_backend(before)
    if torch.are_deterministic_algorithms_enabled():
        torch.use_deterministic_algorithms(False)
