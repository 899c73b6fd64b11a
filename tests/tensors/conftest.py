import pytest

from videomae2.tensors import matmul


@pytest.fixture
def onednn():
    """Products and attention by oneDNN for one test."""
    if not matmul.has_onednn():
        pytest.skip("this build of PyTorch has no oneDNN")
    before = matmul.get_backend()
    matmul.set_backend("onednn")
    yield
    matmul.set_backend(before)
