import numpy as np
import pytest

from videomae2.data.manifests.manifest import Entry
from videomae2.data.video.reader import ReadLimits
from videomae2.data.views.crops import CropConfig
from videomae2.data.views.read import compute_view_key, read_sample
from videomae2.data.views.requests import ClipSpec, SampleRequest
from videomae2.errors import VideoError


def shape(**changed):
    values = {
        "frames": 4,
        "height": 8,
        "width": 8,
        "channels": 3,
        "views": 2,
        "frame_interval": 2.0,
        "interval_unit": "frames",
        "crop": CropConfig(),
        "limits": ReadLimits(),
    }
    return ClipSpec(**(values | changed))


@pytest.fixture
def array(tmp_path):
    frames = np.arange(30, dtype=np.uint8)[:, None, None, None] * np.ones((1, 20, 24, 3), np.uint8)
    np.save(tmp_path / "clip.npy", frames)
    return Entry(str(tmp_path / "clip.npy"))


def read(entry, key=1, **changed):
    return read_sample(SampleRequest(entry, key, shape(**changed)), np.empty)


def test_frames_stand_a_stride_apart_and_every_view_has_a_box(array):
    arrays, meta = read(array)
    shown = arrays["frames"][:, 0, 0, 0]
    assert np.diff(shown.astype(int)).tolist() == [2, 2, 2]
    assert meta["num_frames"] == 30
    for top, left, height, width in meta["boxes"]:
        assert 0 <= top <= 20 - height
        assert 0 <= left <= 24 - width
    assert meta["flips"] == [False, False]


def test_the_same_key_gives_the_same_sample_and_another_key_another(array):
    (first, meta), (again, same) = read(array, 7), read(array, 7)
    assert (first["frames"] == again["frames"]).all()
    assert meta["boxes"] == same["boxes"]
    starts = {int(read(array, key)[0]["frames"][0, 0, 0, 0]) for key in range(40)}
    assert len(starts) > 10


def test_a_short_video_sends_each_frame_once(array):
    entry = Entry(array.path, first=0, frames=5)
    arrays, meta = read(entry)
    assert arrays["frames"][:, 0, 0, 0].tolist() == [0, 2]
    assert meta["frame_index"] == [0, 1, 1, 1]


def test_a_stride_in_seconds_follows_the_clock(array):
    arrays, _ = read(array, frame_interval=0.1, interval_unit="seconds", frame_rate=30.0)
    assert np.diff(arrays["frames"][:, 0, 0, 0].astype(int)).tolist() == [3, 3, 3]


def shown(read):
    """The frames of a clip, in its order; each shows its number."""
    arrays, meta = read
    return arrays["frames"][:, 0, 0, 0][meta["frame_index"]].astype(int)


@pytest.mark.parametrize("unit", ["frames", "seconds", "per-second"])
def test_dense_clips_lie_in_a_window_that_is_drawn_or_in_the_middle(array, unit):
    stride = 1 / 4 if unit == "per-second" else 4.0
    dense = {
        "frame_sampling": "dense",
        "frame_interval": stride,
        "interval_unit": unit,
        "frame_rate": 1.0,
    }
    middle = shown(read(array, center=True, **dense))
    assert middle.tolist() == [7, 12, 17, 22]  # of 30 frames; the window is 7 … 22
    clips = [shown(read(array, key, **dense)) for key in range(30)]
    assert all(clip[-1] - clip[0] == 15 for clip in clips)
    assert len({clip[0] for clip in clips}) > 5


@pytest.mark.parametrize("unit", ["frames", "seconds"])
def test_segments_give_a_frame_of_each_part_that_is_drawn_or_in_the_middle(array, unit):
    segments = {
        "frame_sampling": "tsn",
        "interval_unit": unit,
        "frames": 6,
        "frame_rate": 1.0,
    }  # of 5 frames each
    assert shown(read(array, center=True, **segments)).tolist() == [2, 7, 12, 17, 22, 27]
    clips = np.array([shown(read(array, key, **segments)) for key in range(60)])
    assert (clips // 5 == np.arange(6)).all()
    assert len(np.unique(clips)) == 30


@pytest.mark.parametrize("unit", ["seconds", "per-second"])
def test_without_a_clock_a_stride_in_seconds_is_an_error_of_the_video(array, unit):
    with pytest.raises(
        VideoError,
        match="no clock, and its window or the frame interval counts in seconds; give its f",
    ):
        read(array, interval_unit=unit)


def test_another_number_of_channels_is_an_error_of_the_video(array):
    with pytest.raises(VideoError, match=r"3 channels, the model reads 4"):
        read(array, channels=4)


def test_views_have_keys_of_their_own():
    assert len({compute_view_key(5, view) for view in range(100)} | {5}) == 101


def test_half_of_the_views_are_mirrored_if_wanted(array):
    flips = [
        flip
        for key in range(60)
        for flip in read(array, key, crop=CropConfig(flip=True))[1]["flips"]
    ]
    assert 30 < sum(flips) < 90


def test_random_resized_views_differ_and_leave_the_draw_of_mirroring_alone(array):
    crop = CropConfig(kind="random-resized", flip=True)
    meta = read(array, 5, views=20, crop=crop)[1]
    assert len(set(meta["boxes"])) > 15
    other = read(array, 5, views=20, crop=CropConfig(flip=True))[1]
    assert meta["flips"] == other["flips"]
