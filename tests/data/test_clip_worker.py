"""Several clips of a video, decoded once."""

import numpy as np
import pytest

from tests.data.media import encode, number_of
from videomae2.data.clip_worker import ClipsRequest, read_clips
from videomae2.data.crops import CropConfig
from videomae2.data.manifest import Entry
from videomae2.data.readers import ReadLimits
from videomae2.data.worker import ClipShape
from videomae2.errors import VideoError

SHAPE = {
    "frames": 4, "height": 48, "width": 48, "channels": 3, "views": 1, "stride": 5.0,
    "stride_unit": "frames", "crop": CropConfig(), "limits": ReadLimits(), "middle": True,
    "sampling": "dense",
}  # fmt: skip


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("videos") / "numbers.mp4", frames=60)


def read(video, clips, **changed):
    request = ClipsRequest(Entry(str(video)), ClipShape(**SHAPE | changed), clips)
    arrays, meta = read_clips(request, np.empty)
    numbers = np.array([number_of(frame) for frame in arrays["frames"]])
    return numbers, numbers[np.array(meta["place"])], meta


def test_one_clip_is_in_the_middle_and_shows_the_middle(video):
    _, shown, meta = read(video, 1)
    assert shown.tolist() == [[20, 25, 30, 35]]
    assert meta["box"] == (0, 8, 48, 48)


def test_frames_that_clips_share_are_read_once(video):
    union, shown, _ = read(video, 3)
    assert shown.tolist() == [[0, 5, 10, 15], [20, 25, 30, 35], [40, 45, 50, 55]]
    union, shown, _ = read(video, 5, stride=16.0)
    assert shown.tolist() == [[0, 16, 32, 48]] * 5
    assert union.tolist() == [0, 16, 32, 48]


def test_segments_are_grids_over_all_of_it(video):
    assert read(video, 1, sampling="segments")[1].tolist() == [[0, 15, 30, 45]]


def test_a_stride_in_seconds_goes_by_the_clock(video):
    _, shown, _ = read(video, 1, stride=0.2, stride_unit="seconds")
    assert np.diff(shown[0]).tolist() == [5, 5, 5]


def test_without_a_clock_there_are_no_seconds(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((9, 8, 8, 3), np.uint8))
    with pytest.raises(VideoError, match="has no clock"):
        read(tmp_path / "a.npy", 1, stride_unit="seconds")


def test_other_channels_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((9, 8, 8, 2), np.uint8))
    with pytest.raises(VideoError, match="have 2 channels, the model reads 3"):
        read(tmp_path / "a.npy", 1)
