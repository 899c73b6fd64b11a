import pytest

from videomae2.tensors import products


@pytest.fixture
def onednn():
    """Products and attention by oneDNN for one test."""
    if not products.has_onednn():
        pytest.skip("this build of PyTorch has no oneDNN")
    before = products.used()
    products.use("onednn")
    yield
    products.use(before)
