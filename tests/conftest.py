"""Property tests try the same examples in every run, so that a failure is there again."""

import pytest
from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _same_library():
    """A run chooses the process's matrix library; the next test finds it as this one did."""
    from videomae2.tensors import products  # not earlier: its types are checked once tests run

    before = products.used()
    yield
    products.use(before)
