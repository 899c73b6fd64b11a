import shutil

import pytest

from tests.helpers.pipelines import make_videos, run


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A folder with videos, and with a pipeline that nobody disturbed."""
    folder = make_videos(tmp_path_factory.mktemp("finished"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run()
    return folder


@pytest.fixture
def place(finished, tmp_path, monkeypatch):
    """A folder with the videos alone, to work in."""
    for name in ("unlabelled", "labelled", "test"):
        (tmp_path / name).symlink_to(finished / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def copy(finished, place):
    """A folder with videos and a finished pipeline, to work in."""
    shutil.copytree(finished / "runs", place / "runs")
    return place
