"""Clocks that jump: what is no frame is in no window and no clip."""

import numpy as np
import pytest

from videomae2.data.video.frame_index import index_from_counts
from videomae2.data.views import sampling
from videomae2.data.views.jumps import close_jumps, find_jumps, format_jumps, list_jumps
from videomae2.data.views.sliding import WindowRule
from videomae2.reports.timeline_video import select_frames

HOUR = 3600.0
CLOCKS = {
    "30 hours": [(50, 0.0), (50, 30 * HOUR)],
    "10 seconds": [(50, 0.0), (50, 12.0)],
    "several": [(30, 0.0), (10, 20.0), (10, 40.0), (60, HOUR)],
    "a frame alone": [(1, 0.0), (50, HOUR)],
    "a last frame alone": [(50, 0.0), (1, HOUR)],
    "three frames": [(2, 0.0), (1, HOUR)],
}


def clock(pieces):
    return np.concatenate([start + np.arange(count) / 25 for count, start in pieces])


@pytest.mark.parametrize("pieces", CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("interval", [None, 2])
@pytest.mark.parametrize("hop", [None, 0.3])
def test_windows_are_those_of_the_pieces(pieces, interval, hop):
    seconds = clock(pieces)
    rule = WindowRule(frames=4, frame_interval=interval, window_seconds=0.5, hop_seconds=hop)
    windows = rule.slide(seconds)
    assert windows.jumps == list_jumps(seconds)
    assert len(windows.jumps) == len(pieces) - 1
    assert len(windows.starts) < len(seconds)
    ends = np.cumsum([count for count, _ in pieces])
    assert (np.searchsorted(ends, windows.frames, side="right").std(axis=1) == 0).all()
    assert set(np.searchsorted(ends, windows.frames[:, 0], side="right")) == {*range(len(pieces))}
    for start, stop in zip(windows.starts, windows.stops, strict=True):
        assert not any(start < end and begin + 1e-9 < stop for begin, end in windows.jumps)
    if hop is not None and len(pieces) == 2 and pieces[0][0] == 50:
        assert windows.hop_seconds == pytest.approx(hop, abs=0.04)


@pytest.mark.parametrize("pieces", CLOCKS.values(), ids=CLOCKS)
def test_clips_by_the_second_leave_jumps_out(pieces):
    seconds = close_jumps(clock(pieces))
    assert np.diff(seconds) == pytest.approx(np.full(len(seconds) - 1, 0.04))
    for place in np.linspace(0, 1, 7):
        indices = sampling.timed_indices(seconds, 2, 0.04, float(place))
        assert np.diff(indices).tolist() == [1]


@pytest.mark.parametrize(
    "seconds",
    [
        np.arange(20) * 8.0,  # a frame every 8 s
        np.cumsum([0.04, 4.0] * 20),  # where nothing moves for 4 s
        np.arange(50) / 25,
        np.array([0.0, HOUR]),
        np.array([3.0]),
    ],
)
def test_slow_clocks_do_not_jump(seconds):
    assert not len(find_jumps(seconds))
    assert close_jumps(seconds) is seconds
    assert format_jumps(list_jumps(seconds)) == ""


def test_the_longest_jump_is_said_and_how_many_there_are():
    text = format_jumps(list_jumps(clock(CLOCKS["several"])))
    assert text == (
        "its clock jumps, so no frame is from 40.40 s to 3600.00 s and at 2 more places, "
        "3598.00 s in all"
    )


@pytest.mark.parametrize("pieces", CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("start", [0.0, 30 * HOUR])
def test_a_film_leaves_jumps_out(pieces, start):
    seconds = clock(pieces) + start
    fps, moments, indices = select_frames(seconds, float(seconds[-1]) + 0.04)
    assert fps == 25
    assert indices.tolist() == list(range(len(seconds)))
    np.testing.assert_allclose(moments, seconds, atol=1e-6)


def test_a_film_of_a_frame_an_hour_has_one():
    fps, _, indices = select_frames(np.array([0.0, HOUR]), 2 * HOUR)
    assert 0 < fps < 0.01
    assert {*indices.tolist()} == {0, 1}


RUN = np.arange(50) / 25


@pytest.mark.parametrize(
    "seconds",
    [
        np.concatenate((RUN, RUN)),  # one recording behind another
        np.concatenate((RUN + 10, RUN)),
        np.concatenate((RUN, RUN + HOUR, RUN)),
        np.concatenate((RUN + 30 * HOUR, RUN, RUN, RUN)),
    ],
)
def test_a_clock_that_is_set_back_goes_on(seconds):
    rising = index_from_counts(seconds.tolist()).seconds
    assert np.diff(close_jumps(rising)) == pytest.approx(np.full(len(seconds) - 1, 0.04))


def test_frames_out_of_order_are_shown_with_the_one_before():
    times = [0.0, 0.08, 0.04, 0.16, 0.12, 0.2, 0.24]
    assert index_from_counts(times).seconds.tolist() == [0.0, 0.08, 0.08, 0.16, 0.16, 0.2, 0.24]
