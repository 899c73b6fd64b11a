import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.data.views.live_windows import LiveWindows
from videomae2.data.views.sliding import WindowRule


def slide_live(rule, seconds):
    """Its windows as they come, and how many frames were known at most."""
    live, windows, known = LiveWindows(rule), [], 0
    for number, moment in enumerate(seconds):
        for window in live.add(moment):
            windows.append(window)
            assert max(window.frames) <= number
        known = max(known, live.num_frames - live.first_needed)
    return [*windows, *live.finish()], known


def check_same(rule, seconds):
    try:
        whole = rule.slide(seconds)
    except ValueError as error:
        with pytest.raises(ValueError, match=str(error).split(";")[0]):
            slide_live(rule, seconds)
        return
    windows, _ = slide_live(rule, seconds)
    np.testing.assert_array_equal([window.frames for window in windows], whole.frames)
    np.testing.assert_allclose([window.start for window in windows], whole.starts, atol=1e-9)
    np.testing.assert_allclose([window.stop for window in windows], whole.stops, atol=1e-9)


rates = st.sampled_from([5.0, 10.0, 24000 / 1001, 25.0, 30.0])
hops = st.one_of(st.none(), st.floats(0.05, 3.0))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 8), st.integers(1, 6), hops, rates)
def test_windows_of_frames_are_those_of_the_whole_video(count, frames, interval, hop, rate):
    rule = WindowRule(frames=frames, frame_interval=interval, window_seconds=1.0, hop_seconds=hop)
    check_same(rule, np.arange(count) / rate)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 8), st.floats(0.2, 4.0), hops, rates, st.booleans())
def test_windows_of_time_are_those_of_the_whole_video(count, frames, window, hop, rate, centered):
    rule = WindowRule(
        frames=frames,
        frame_interval=None,
        window_seconds=window,
        hop_seconds=hop,
        centered=centered,
    )
    check_same(rule, np.arange(count) / rate)


@pytest.mark.parametrize("interval", [None, 2])
@pytest.mark.parametrize("hop", [None, 0.5, 3.0])
def test_only_frames_of_open_windows_are_known(interval, hop):
    rule = WindowRule(frames=4, frame_interval=interval, window_seconds=1.0, hop_seconds=hop)
    windows, known = slide_live(rule, np.arange(5000) / 25)
    assert len(windows) > 60
    assert known <= 30
