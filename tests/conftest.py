"""Property tests try the same examples in every run, so that a failure is there again."""

import pytest
from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable")


def pytest_addoption(parser):
    text = "keep what commands say now as what tests/snapshots expects"
    parser.addoption("--update-snapshots", action="store_true", help=text)


@pytest.fixture(autouse=True)
def _default_library():
    """A run or a fixture of a file chooses the process's matrix library; each test starts anew."""
    from videomae2.tensors import matmul

    matmul.set_backend("default")
