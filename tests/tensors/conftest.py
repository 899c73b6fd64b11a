import pytest

from videomae2.tensors import products


@pytest.fixture
def onednn():
    """Products and attention by oneDNN for one test."""
    if not products.has_onednn():
        pytest.skip("this build of PyTorch has no oneDNN")
    before = products.get_backend()
    products.set_backend("onednn")
    yield
    products.set_backend(before)
