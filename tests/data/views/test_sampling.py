"""Which frames make a clip."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.data.views.sampling import draw_first_frame, pretrain_indices, timed_indices

few = settings(max_examples=80)
draws = st.floats(0, 1, exclude_max=True)


@few
@given(st.integers(1, 500), st.integers(1, 32), st.integers(1, 8), draws)
def test_indices_are_frames_of_the_video_in_order(num_frames, frames, stride, uniform):
    first = draw_first_frame(num_frames, frames * stride, uniform)
    index = pretrain_indices(num_frames, frames, stride, first=first)
    assert index.shape == (frames,)
    assert index.dtype == np.int64
    assert index[0] == first
    assert ((np.diff(index) == stride) | (np.diff(index) == 0)).all()
    assert first < num_frames
    assert index.max() <= max(first, num_frames - 2)  # no step leads to the very last


@few
@given(st.integers(1, 32), st.integers(1, 8), st.integers(0, 300), draws)
def test_a_long_video_gives_exact_strides(frames, stride, spare, uniform):
    num_frames = frames * stride + spare
    first = draw_first_frame(num_frames, frames * stride, uniform)
    index = pretrain_indices(num_frames, frames, stride, first=first)
    if stride > 1 or first + frames < num_frames:
        assert (np.diff(index) == stride).all()
    assert 0 <= first <= spare


def test_every_start_that_fits_is_drawn_alike():
    starts = [draw_first_frame(70, 64, u) for u in np.linspace(0, 1, 7000, endpoint=False)]
    assert np.bincount(starts).tolist() == [1000] * 7
    assert draw_first_frame(64, 64, 0.999) == 0
    assert draw_first_frame(63, 64, 0.999) == 0


@pytest.mark.parametrize(
    ("num_frames", "want"),
    [(10, [0, 4, 8, 8, 8]), (9, [0, 4, 4, 4, 4]), (2, [0] * 5), (1, [0] * 5)],
)
def test_short_videos_repeat_the_last_frame_they_reach(num_frames, want):
    assert pretrain_indices(num_frames, 5, 4, first=0).tolist() == want


# ---- by time


@few
@given(st.integers(1, 300), st.integers(1, 32), st.floats(0.01, 1), st.floats(5, 60), draws)
def test_timed_indices_are_frames_of_the_video_in_order(count, frames, step, rate, uniform):
    index = timed_indices(np.arange(count) / rate, frames, step, uniform)
    assert index.shape == (frames,)
    assert index.dtype == np.int64
    assert (np.diff(index) >= 0).all()
    assert index.min() >= 0
    assert index.max() < count


@few
@given(st.sampled_from([24.0, 25.0, 30.0, 29.97, 60.0]), st.integers(1, 6), draws)
def test_at_a_constant_rate_a_step_of_whole_frames_is_a_stride(rate, stride, uniform):
    index = timed_indices(np.arange(200) / rate, 16, stride / rate, uniform)
    assert (np.diff(index) == stride).all()


def test_the_same_seconds_at_another_frame_rate_show_the_same_moments():
    slow, fast = np.arange(250) / 25, np.arange(600) / 60
    for uniform in (0.0, 0.3, 0.9):
        one = slow[timed_indices(slow, 16, 0.2, uniform)]
        two = fast[timed_indices(fast, 16, 0.2, uniform)]
        assert np.abs(one - two).max() <= 1 / 25 + 1e-9


def test_a_variable_frame_rate_is_followed_by_the_clock():
    seconds = np.concatenate((np.arange(50) / 50, 1 + np.arange(100) / 10))  # 1 s fast, 10 s slow
    index = timed_indices(seconds, 11, 1.0, 0.0)
    np.testing.assert_allclose(seconds[index], np.arange(11), atol=1e-9)


def test_a_clip_longer_than_the_video_repeats_its_end():
    index = timed_indices(np.arange(5) / 10, 8, 0.1, 0.7)
    assert index.tolist() == [0, 1, 2, 3, 4, 4, 4, 4]
    assert timed_indices(np.array([3.0]), 4, 0.1, 0.5).tolist() == [0] * 4


def test_the_whole_video_can_be_reached():
    seconds = np.arange(100) / 25
    starts = {timed_indices(seconds, 4, 0.04, u)[0] for u in np.linspace(0, 1, 2000, False)}
    last = timed_indices(seconds, 4, 0.04, 0.9999)[-1]
    assert starts == set(range(96)) | ({96} & starts)
    assert last >= 98
