"""Clips over whole videos: even, inside, and the same wherever they are judged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.data.manifests.manifest import Entry
from videomae2.data.video.reader import ReadLimits
from videomae2.data.views.crops import CropConfig
from videomae2.data.views.read import read_sample, read_views
from videomae2.data.views.requests import ClipSpec, SampleRequest, ViewSpec, ViewsRequest
from videomae2.data.views.sampling import MIN_WHOLE_SHARE, whole_clips, whole_indices

few = settings(max_examples=60)
lengths, counts, draws = st.integers(1, 400), st.integers(1, 40), st.floats(0, 0.999)


@few
@given(lengths, counts)
def test_frames_are_evenly_spread_over_all_of_the_video(num_frames, frames):
    index = whole_indices(num_frames, frames, None)
    assert index.shape == (frames,)
    gaps = np.diff(index)
    assert np.ptp(gaps) <= 1 if frames > 1 else True
    assert index[0] + index[-1] in (num_frames - 1, num_frames)  # as much before as after
    assert (index == whole_clips(num_frames, frames, clips=1)[0]).all()


@few
@given(lengths, counts, draws, draws)
def test_a_draw_shows_most_of_the_video(num_frames, frames, share, place):
    index = whole_indices(num_frames, frames, (share, place))
    assert 0 <= index[0] <= index[-1] < num_frames
    assert (np.diff(index) >= 0).all()
    span = index[-1] - index[0]
    wanted = MIN_WHOLE_SHARE * num_frames * (1 - 1 / frames)
    assert span >= wanted - 1


@few
@given(st.integers(1, 8), st.integers(9, 40))
def test_short_videos_repeat_frames_evenly(num_frames, frames):
    times = np.bincount(whole_indices(num_frames, frames, None), minlength=num_frames)
    assert np.ptp(times) <= 1


@few
@given(lengths, counts, st.integers(1, 5))
def test_several_clips_are_one_finer_grid(num_frames, frames, clips):
    index = whole_clips(num_frames, frames, clips=clips)
    finer = whole_indices(num_frames, frames * clips, None)
    assert (np.sort(index, axis=None) == finer).all()


def test_draws_reach_both_ends_and_the_whole():
    index = np.array([whole_indices(100, 16, tuple(d)) for d in np.random.rand(400, 2)])
    assert index[:, 0].min() <= 3
    assert index[:, -1].max() >= 96
    assert len(np.unique(index[:, -1] - index[:, 0])) > 20


@pytest.fixture
def array(tmp_path):
    numbers = np.arange(30, dtype=np.uint8)[:, None, None, None]
    np.save(tmp_path / "v.npy", np.broadcast_to(numbers, (30, 8, 8, 3)).copy())
    return Entry(str(tmp_path / "v.npy"))


SPEC = {"frame_interval": 4.0, "frames": 6, "channels": 3, "limits": ReadLimits()}


def shown(array, key, *, center, unit="frames"):
    spec = ClipSpec(
        **SPEC,
        interval_unit=unit,
        frame_sampling="whole",
        height=8,
        width=8,
        views=1,
        crop=CropConfig(),
        center=center,
    )
    arrays, meta = read_sample(SampleRequest(array, key, spec), np.empty)
    return arrays["frames"][:, 0, 0, 0][meta["frame_index"]].tolist()


def test_training_draws_and_judging_takes_all(array):
    middle = shown(array, 0, center=True)
    assert middle == [2, 7, 12, 17, 22, 27] == shown(array, 1, center=True)
    assert len({tuple(shown(array, key, center=False)) for key in range(20)}) > 10
    assert shown(array, 3, center=False) == shown(array, 3, center=False)


def test_a_test_video_is_seen_as_in_validation(array):
    views = ViewSpec(**SPEC, interval_unit="frames", frame_sampling="whole", clips=1, crops=1)
    arrays, _ = read_views(ViewsRequest(array, views), np.empty)
    clip = arrays["frames"][arrays["frame_index"][0]][:, 0, 0, 0].tolist()
    assert clip == shown(array, 0, center=True)
