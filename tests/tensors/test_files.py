"""Tensors are written whole, or a full disk is what it is for any file."""

import errno

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.full_disk import largest_file
from videomae2.tensors.files import save_tensors


def test_tensors_of_any_layout_are_written(tmp_path):
    weight = torch.nn.Parameter(torch.arange(6.0).view(2, 3))
    save_tensors(tmp_path / "a", {"weight": weight, "transposed": weight.T})
    saved = load_file(tmp_path / "a")
    assert torch.equal(saved["weight"], weight)
    assert torch.equal(saved["transposed"], weight.T)


def test_no_room_is_an_error_of_the_system_with_its_number(tmp_path):
    with largest_file(1000), pytest.raises(OSError, match="large") as caught:
        save_tensors(tmp_path / "a", {"weight": torch.zeros(10_000)})
    assert caught.value.errno == errno.EFBIG
