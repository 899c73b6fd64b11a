import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videomae2.data.views.sampling import compute_duration, dense_clips
from videomae2.data.views.sliding import strided_windows, timed_windows


def clock(count, rate=10.0):
    return np.arange(count) / rate


def test_strided_windows_overlap_by_half_and_the_last_ends_with_the_video():
    found = strided_windows(clock(21), 4, 2, hop_seconds=None)
    assert found.frames.tolist() == [
        [0, 2, 4, 6], [4, 6, 8, 10], [8, 10, 12, 14], [12, 14, 16, 18], [13, 15, 17, 19],
    ]  # fmt: skip
    assert found.starts.tolist() == pytest.approx([0, 0.4, 0.8, 1.2, 1.3])
    assert found.stops.tolist() == pytest.approx([0.8, 1.2, 1.6, 2.0, 2.1])


def test_strided_windows_can_start_at_equal_times():
    found = strided_windows(clock(40), 4, 2, hop_seconds=1.0)
    assert found.frames[:, 0].tolist() == [0, 10, 20, 30, 32]
    assert (np.diff(found.frames, axis=1) == 2).all()


@given(st.integers(2, 12), st.integers(1, 8), st.integers(1, 5))
def test_a_short_video_is_one_window_like_the_clip_of_a_prediction(num_frames, frames, stride):
    found = strided_windows(clock(num_frames), frames, stride, hop_seconds=None)
    if num_frames <= frames * stride:
        assert found.frames.tolist() == dense_clips(num_frames, frames, stride, clips=1).tolist()
        assert (found.starts[0], found.stops[0]) == (0, pytest.approx(num_frames / 10))


def test_timed_windows_take_frames_at_equal_times_whatever_the_rate():
    seconds = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0, 1.5, 2.0, 2.5])
    found = timed_windows(seconds, 4, 2.0, hop_seconds=0.3, centered=False)
    assert found.starts.tolist() == pytest.approx([0, 0.3, 0.6])
    assert found.frames.tolist() == [[0, 5, 6, 7], [3, 5, 6, 7], [5, 6, 7, 8]]
    assert found.stops[-1] == pytest.approx(compute_duration(seconds))


def test_timed_windows_of_parts_show_their_middles():
    found = timed_windows(clock(20), 4, 0.8, hop_seconds=None, centered=True)
    assert found.frames[0].tolist() == [1, 3, 5, 7]
    assert found.starts.tolist() == pytest.approx([0, 0.4, 0.8, 1.2])


@given(
    st.integers(2, 80), st.integers(1, 6), st.floats(0.1, 5), st.none() | st.floats(0.1, 3),
    st.booleans(),
)  # fmt: skip
def test_windows_cover_the_video_in_order(num_frames, frames, window, every, middles):
    seconds = clock(num_frames)
    found = timed_windows(seconds, frames, max(window, 0.2), hop_seconds=every, centered=middles)
    end = compute_duration(seconds)
    assert found.starts[0] == 0
    assert end - found.stops[-1] < 0.06  # less than a frame
    assert (np.diff(found.starts) > 0).all()
    assert (np.diff(found.stops) >= 0).all()
    assert (np.diff(found.frames, axis=1) >= 0).all()
    assert (np.diff(found.frames, axis=0) >= 0).all()
    assert found.frames.min() >= 0
    assert found.frames.max() < num_frames


def test_windows_finer_than_frames_are_refused():
    with pytest.raises(ValueError, match=r"every 0.01 s, and a frame is shown for 0.1 s"):
        strided_windows(clock(9), 2, 1, hop_seconds=0.01)
    with pytest.raises(ValueError, match=r"choose --hop-seconds 0.1 or more"):
        timed_windows(clock(9), 2, 0.1, hop_seconds=None, centered=False)
