"""What every test has: shapes are checked, examples are the same, the matrix library is chosen.

Property tests try the same examples in every run, so that a failure is there again.
"""

import gc
import logging
import os
import signal
from unittest.mock import MagicMock, patch

import pytest
from hypothesis import settings

from tests.helpers import shape_checks

os.environ["HF_HUB_OFFLINE"] = "1"  # no test asks a network, nor does what it starts
shape_checks.install()
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable")
for _number, _handler in (
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGINT, signal.default_int_handler),
):
    if signal.getsignal(_number) == signal.SIG_IGN:  # by nohup, or a script's background job
        signal.signal(_number, _handler)


def pytest_addoption(parser):
    text = "keep what commands say now as what tests/snapshots expects"
    parser.addoption("--update-snapshots", action="store_true", help=text)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Garbage is not looked for while a million objects of torch and tests come, nor among them."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


@pytest.fixture(scope="module", autouse=True)
def _plots():
    """Plots of pages stay empty, for each takes half a second; tests of pages override this."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    save, subplots = Figure.savefig, Figure.subplots

    def no_axes(figure, *args, **more):
        if not isinstance(figure.canvas, FigureCanvasSVG):
            return subplots(figure, *args, **more)
        axes = MagicMock()
        axes.plot.return_value = axes.scatter.return_value = [MagicMock()]
        return axes

    def save_empty(figure, out, *, format, **more):
        if format == "svg":
            out.write("<svg></svg>")
        else:
            save(figure, out, format=format, **more)

    with patch.multiple(Figure, savefig=save_empty, subplots=no_axes):
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Calls are counted anew for each test, before the fixtures of its module run."""
    shape_checks.start_test()


@pytest.fixture(autouse=True)
def _default_backend():
    """What a run or a fixture of a file chose for the process does not reach the next test."""
    from videomae2.tensors import matmul

    matmul.set_backend("default")


@pytest.fixture(autouse=True)
def _root_handlers():
    """A program that sets up logging has no say in the tests behind it."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture
def reads_here(request, monkeypatch):
    """Videos are read in the test's process, unless its name says ``in_processes``."""
    from tests.helpers.brightness_classifier import read_here

    if "in_processes" not in request.node.name:
        read_here(monkeypatch)
