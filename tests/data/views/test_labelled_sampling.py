"""Which frames of a labelled video make a clip."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.data.views.sampling import (
    dense_indices,
    dense_timed_indices,
    segment_indices,
    segment_timed_indices,
    window_indices,
)

few = settings(max_examples=80)
draws = st.floats(0, 1, exclude_max=True)
places = st.none() | draws
rates = st.sampled_from([24.0, 25.0, 29.97, 30.0, 60.0])

WINDOW = [0, 4, 8, 12, 17, 21, 25, 29, 34, 38, 42, 46, 51, 55, 59, 63]
"""The released code's grid of 16 frames over 64."""


def middle_and_end(frames):
    return np.full(frames, 0.5), np.full(frames, 1 - 2**-53)


@few
@given(st.integers(1, 400), st.integers(1, 32), st.integers(1, 8), places)
def test_dense_frames_are_frames_of_the_video_in_order(num_frames, frames, stride, uniform):
    index = dense_indices(num_frames, frames, stride, uniform=uniform)
    assert index.shape == (frames,)
    assert index.dtype == np.int64
    assert (np.diff(index) >= 0).all()
    assert index.min() >= 0
    assert index.max() < num_frames
    assert index[-1] - index[0] < frames * stride


@pytest.mark.parametrize(
    ("num_frames", "want"),
    [(64, WINDOW), (65, WINDOW),
     (100, [18, 22, 26, 30, 35, 39, 43, 47, 52, 56, 60, 64, 69, 73, 77, 81]),
     (40, [0, 4, 8, 13, 17, 22, 26, 31, 35] + [39] * 7), (5, [0] + [4] * 15), (3, [2] * 16)],
)  # fmt: skip
def test_the_validation_clip_lies_in_the_middle(num_frames, want):
    assert dense_indices(num_frames, 16, 4, uniform=None).tolist() == want


def test_every_window_that_ends_before_the_last_frame_is_drawn_alike():
    starts = [dense_indices(70, 16, 4, uniform=u)[0] for u in np.linspace(0, 1, 600, False)]
    assert np.bincount(starts).tolist() == [100] * 6  # ends 64 … 69, as randint(64, 70) gives


def test_a_window_is_cut_before_its_end():
    assert window_indices(16, 4, stop=64).tolist() == WINDOW
    assert window_indices(16, 4, stop=80)[[0, -1]].tolist() == [16, 79]


def test_segments_give_one_frame_of_each_part():
    for num_frames in (16, 33, 117):
        part = num_frames // 16
        for uniform in (*middle_and_end(16), np.zeros(16), None):
            index = segment_indices(num_frames, 16, uniform)
            assert (index // part == np.arange(16)).all()
            assert index.max() < num_frames
    assert segment_indices(32, 16, None).tolist() == list(range(1, 32, 2))
    assert segment_indices(48, 4, np.array([0.0, 0.5, 0.99, 0.2])).tolist() == [0, 18, 35, 38]


def test_segments_of_a_short_video_repeat_its_first_frame():
    assert segment_indices(3, 8, None).tolist() == [0, 0, 0, 0, 0, 0, 1, 2]
    assert segment_indices(8, 8, np.full(8, 0.9)).tolist() == list(range(8))
    assert segment_indices(1, 4, np.full(4, 0.9)).tolist() == [0] * 4


def test_places_in_the_parts_are_drawn_alike():
    rng = np.random.default_rng(0)
    offsets = [segment_indices(80, 16, rng.random(16)) % 5 for _ in range(500)]
    counts = np.bincount(np.concatenate(offsets))
    assert counts.min() > 1500
    assert counts.max() < 1700


# ---- by time


@few
@given(st.integers(1, 300), st.integers(1, 32), st.floats(0.01, 1), rates, places)
def test_timed_frames_are_frames_of_the_video_in_order(count, frames, step, rate, uniform):
    seconds = 7.5 + np.arange(count) / rate
    some = None if uniform is None else np.full(frames, uniform)
    for index in (
        dense_timed_indices(seconds, frames, step, uniform=uniform),
        segment_timed_indices(seconds, frames, some),
    ):
        assert index.shape == (frames,)
        assert index.dtype == np.int64
        assert (np.diff(index) >= 0).all()
        assert index.min() >= 0
        assert index.max() < count


@pytest.mark.parametrize("rate", [24.0, 25.0, 29.97, 30.0, 60.0])
def test_at_a_constant_rate_time_is_frames(rate):
    seconds = np.arange(200) / rate
    for first in (0, 40, 136):
        uniform = first / 136
        got = dense_timed_indices(seconds, 16, 4 / rate, uniform=uniform)
        assert got.tolist() == window_indices(16, 4, stop=first + 64).tolist()
    parts = np.arange(160) / rate
    some = np.random.default_rng(0).random(16)
    want = segment_indices(160, 16, some)
    assert np.abs(segment_timed_indices(parts, 16, some) - want).max() == 0


def test_the_same_seconds_at_another_frame_rate_show_the_same_moments():
    slow, fast = np.arange(250) / 25, np.arange(600) / 60
    some = np.random.default_rng(0).random(16)
    for one, two in (
        (dense_timed_indices(slow, 16, 0.2, uniform=0.3),
         dense_timed_indices(fast, 16, 0.2, uniform=0.3)),
        (segment_timed_indices(slow, 16, some), segment_timed_indices(fast, 16, some)),
    ):  # fmt: skip
        assert np.abs(slow[one] - fast[two]).max() <= 1 / 25 + 1e-9


def test_a_variable_frame_rate_is_followed_by_the_clock():
    seconds = np.concatenate((np.arange(50) / 50, 1 + np.arange(100) / 10))  # 1 s fast, 10 s slow
    moments = seconds[segment_timed_indices(seconds, 11, None)]
    np.testing.assert_allclose(moments, np.arange(11) + 0.5, atol=0.06)


def test_a_video_shorter_than_the_window_repeats_its_end():
    got = dense_timed_indices(np.arange(5) / 10, 8, 0.1, uniform=0.7)
    assert got.tolist() == [0, 1, 2, 3, 4, 4, 4, 4]
    assert dense_timed_indices(np.array([3.0]), 4, 0.1, uniform=None).tolist() == [0] * 4
    assert segment_timed_indices(np.array([3.0]), 4, None).tolist() == [0] * 4


def test_the_validation_clip_in_time_lies_in_the_middle():
    seconds = np.arange(100) / 10
    index = dense_timed_indices(seconds, 5, 1.0, uniform=None)
    assert (index[0], index[-1]) == (25, 74)
