"""Videos of three colours to train and test on, and an encoder that was never trained."""

import pytest

from tests.helpers.labelled_videos import labelled_videos, small_encoder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probe")
    small_encoder(folder / "model")
    labelled_videos(folder / "train", 8)
    labelled_videos(folder / "test", 4, seed=1)
    return folder
