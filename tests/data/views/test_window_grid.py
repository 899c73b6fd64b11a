"""The regular windows of which features are made."""

import numpy as np
import pytest

from videomae2.data.views.window_grid import WindowGrid


def clock(*steps, fps=10.0, frames=20):
    """A clock of even frames that jumps by so many seconds after each piece."""
    pieces, start = [], 0.0
    for step in (*steps, 0.0):
        pieces.append(start + np.arange(frames) / fps)
        start = pieces[-1][-1] + step
    return np.concatenate(pieces)


@pytest.mark.parametrize("steps", [(30 * 3600.0,), (5.5, 60.0)])
def test_windows_by_time_stand_over_no_jump_of_the_clock(steps):
    grid = WindowGrid(frames=4, window_seconds=1.0, stride_seconds=0.5)
    with pytest.raises(
        ValueError, match=r"its clock jumps, so no frame is from .* windows by fram"
    ):
        grid.place(20 * (1 + len(steps)), clock(*steps), 0.0)


def test_windows_by_frames_keep_their_numbers_over_a_jump():
    frames, windows = WindowGrid(frames=4, stride=2).place(40, clock(100.0), 0.0)
    plain, _ = WindowGrid(frames=4, stride=2).place(40, None, 0.0)
    assert (frames == plain).all()
    assert windows.starts[-1] > 100


@pytest.mark.parametrize("hold", [0.5, 4.0])
def test_a_frame_that_is_held_is_no_jump(hold):
    grid = WindowGrid(frames=4, window_seconds=1.0, stride_seconds=0.5)
    _, windows = grid.place(40, clock(hold), 0.0)
    assert np.diff(windows.starts) == pytest.approx(0.5)


def test_what_is_left_at_the_end_is_in_no_window():
    frames, windows = WindowGrid(frames=16, stride=4).place(30, np.arange(30) / 10, 0.0)
    assert frames[:, 0].tolist() == [0, 4, 8, 12]
    assert windows.stops.tolist() == pytest.approx([1.6, 2.0, 2.4, 2.8])
