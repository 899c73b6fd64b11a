import numpy as np
import pytest

from tests.data.media import encode, number_of
from videomae2.data.manifest import Entry
from videomae2.data.readers import ReadLimits
from videomae2.data.view_grid import ViewGridConfig, dense_clips, segment_clips
from videomae2.data.whole_video import ViewShape, WholeRequest, read_whole
from videomae2.errors import VideoError


def read(path, *, clips=3, crops=3, kind="dense", **changed):
    values = {"frames": 4, "height": 16, "width": 16, "channels": 3, "stride": 2,
              "step_seconds": None, "limits": ReadLimits()}  # fmt: skip
    grid = ViewGridConfig(kind=kind, clips=clips, crops=crops)
    shape = ViewShape(grid=grid, **values | changed)
    return read_whole(WholeRequest(Entry(str(path)), shape), np.empty)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("whole") / "numbers.mp4", frames=40)


def test_every_frame_of_all_clips_is_read_once(video):
    arrays, meta = read(video)
    shown = [number_of(frame) for frame in arrays["frames"]]
    assert shown == sorted(set(shown))
    clips = [[shown[place] for place in clip] for clip in meta["place"]]
    assert clips == dense_clips(40, 4, 2, clips=3).tolist()
    assert meta["boxes"] == [(0, 0, 48, 48), (0, 8, 48, 48), (0, 16, 48, 48)]
    assert (meta["num_frames"], meta["length_seconds"]) == (40, pytest.approx(1.6))


def test_segments_and_seconds(video):
    arrays, meta = read(video, kind="segments", clips=2)
    shown = [number_of(frame) for frame in arrays["frames"]]
    assert [[shown[p] for p in clip] for clip in meta["place"]] == segment_clips(
        40, 4, clips=2
    ).tolist()
    arrays, _ = read(video, clips=1, stride=None, step_seconds=0.2)
    assert np.diff([number_of(frame) for frame in arrays["frames"]]).tolist() == [5, 5, 5]


def test_equal_views_are_given_once_with_their_number(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((5, 20, 20, 3), np.uint8))
    arrays, meta = read(tmp_path / "a.npy", clips=5, crops=3)
    assert (meta["clip_counts"], meta["box_counts"]) == ([5], [3])
    assert meta["place"] == [[0, 1, 2, 2]]
    assert len(arrays["frames"]) == 3


def test_what_the_model_cannot_read_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((5, 20, 20, 2), np.uint8))
    with pytest.raises(VideoError, match="its frames have 2 channels, the model reads 3"):
        read(tmp_path / "a.npy")
    with pytest.raises(VideoError, match=r"no clock.*give its --frame-rate"):
        read(tmp_path / "a.npy", channels=2, stride=None, step_seconds=0.1)
    _, meta = read(tmp_path / "a.npy", channels=2, stride=None, step_seconds=0.1, frame_rate=10.0)
    assert meta["length_seconds"] == pytest.approx(0.5)
