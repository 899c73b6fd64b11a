import numpy as np
import pytest
from PIL import Image

from tests.helpers.videos import encode, numbered
from videomae2.data.loading.sources import DataConfig, SourceConfig, load_manifests
from videomae2.errors import ConfigError


@pytest.fixture(params=["array", "folder"])
def videos(request, tmp_path):
    """A folder with one video that has no clock."""
    if request.param == "array":
        np.save(tmp_path / "clip.npy", np.zeros((9, 4, 4, 3), np.uint8))
    else:
        (tmp_path / "clip").mkdir()
        for number in range(3):
            Image.fromarray(numbered(number)).save(tmp_path / "clip" / f"img_{number:05}.png")
    return tmp_path


def read(path, **changed):
    return load_manifests(DataConfig(sources=(SourceConfig(path=path, **changed),)))


@pytest.mark.parametrize("unit", ["seconds", "per-second"])
def test_a_stride_in_seconds_needs_a_frame_rate_where_there_is_no_clock(videos, unit):
    with pytest.raises(ConfigError) as caught:
        read(videos, interval_unit=unit)
    assert " is a folder of images or an array, which has no clock" in str(caught.value)
    assert "frames per second with --data.sources.0.frame-rate" in str(caught.value)
    assert len(read(videos, interval_unit=unit, frame_rate=25.0)[0]) == 1
    assert len(read(videos)[0]) == 1


def test_video_files_have_a_clock(tmp_path):
    encode(tmp_path / "a.mp4", frames=3)
    assert len(read(tmp_path, interval_unit="seconds")[0]) == 1


def test_a_source_takes_the_rows_of_a_table_that_are_wanted(tmp_path):
    (tmp_path / "list.csv").write_text("path,fold\na.mp4,1\nb.mp4,2\nc.mp4,1\n")
    for name in "abc":
        (tmp_path / f"{name}.mp4").touch()
    (manifest,) = read(tmp_path / "list.csv", filter="fold=1")
    assert manifest.paths == ["a.mp4", "c.mp4"]
