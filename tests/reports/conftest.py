"""Plots of pages are drawn here."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _plots():
    """Matplotlib draws them whole."""
