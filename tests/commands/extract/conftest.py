"""Films, one of which is shorter than a window, and an encoder that was never trained."""

import pytest

from tests.helpers.classifiers import saved_autoencoder
from tests.helpers.films import film


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("extract")
    for seed, (name, count) in enumerate((("a", 30), ("b", 12), ("c", 150), ("d", 6))):
        film(folder / "videos" / f"{name}.mp4", count, seed=seed)
    saved_autoencoder(folder / "model", frames=8, height=16, width=16)
    return folder
