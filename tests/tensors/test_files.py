"""Tensors are written whole, or a full disk is what it is for any file."""

import errno
import resource
import signal

import pytest
import torch
from safetensors.torch import load_file

from videomae2.tensors.files import save_tensors


def test_tensors_of_any_layout_are_written(tmp_path):
    weight = torch.nn.Parameter(torch.arange(6.0).view(2, 3))
    save_tensors(tmp_path / "a", {"weight": weight, "transposed": weight.T})
    saved = load_file(tmp_path / "a")
    assert torch.equal(saved["weight"], weight)
    assert torch.equal(saved["transposed"], weight.T)


def test_no_room_is_an_error_of_the_system_with_its_number(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="large") as caught:
            save_tensors(tmp_path / "a", {"weight": torch.zeros(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.errno == errno.EFBIG
