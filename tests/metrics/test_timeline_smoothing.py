from dataclasses import astuple

import numpy as np
import pytest

from videomae2.metrics.timeline_smoothing import (
    TimeBins,
    compute_activations,
    find_segments,
    smooth_windows,
)


def array(*values):
    return np.array(values, dtype=np.float64)


def test_a_moment_gets_the_mean_of_the_windows_that_show_it():
    scores = array([0.0], [1.0], [4.0])
    found = smooth_windows(array(0, 1, 2), array(2, 3, 4), scores)
    assert found.edges.tolist() == [0, 1, 2, 3, 4]
    assert found.scores[:, 0].tolist() == [0.0, 0.5, 2.5, 4.0]


def test_a_last_window_at_an_odd_place_cuts_cells_where_it_begins():
    found = smooth_windows(array(0, 2, 2.5), array(2, 4, 4.5), array([0.0], [1.0], [2.0]))
    assert found.edges.tolist() == [0, 2, 2.5, 4, 4.5]
    assert found.scores[:, 0].tolist() == [0, 1, 1.5, 2]


def test_where_windows_leave_a_gap_each_speaks_until_the_next():
    found = smooth_windows(array(0, 10), array(1, 11), array([1.0], [2.0]))
    assert found.edges.tolist() == [0, 10, 11]
    assert found.scores[:, 0].tolist() == [1, 2]


@pytest.mark.parametrize("kind", ["multiclass", "multilabel"])
def test_what_has_no_frames_has_no_scores(kind):
    starts, stops = array(0, 1, 100, 101), array(2, 3, 102, 103)
    scores = np.array([[0.9, 0.1]] * 2 + [[0.8, 0.2]] * 2)
    found = smooth_windows(starts, stops, scores, [(3.0, 100.0)])
    assert [(start, stop) for start, stop, _ in found.iterate_scored()] == [
        (0, 1), (1, 2), (2, 3), (100, 101), (101, 102), (102, 103),
    ]  # fmt: skip
    active = compute_activations(found.scores, kind, threshold=0.5, hysteresis=0.1)
    segments = find_segments(found, active)
    assert [(s.start_seconds, s.stop_seconds) for s in segments] == [(0, 3), (100, 103)]


def test_a_window_that_is_lost_before_a_jump_is_spoken_for_until_it():
    found = smooth_windows(array(0, 100), array(1, 101), array([1.0], [2.0]), [(3.0, 90.0)])
    assert [(start, stop) for start, stop, _ in found.iterate_scored()] == [(0, 3), (100, 101)]


def test_moments_that_differ_by_rounding_make_no_cell():
    third = 1 / 3
    found = smooth_windows(
        array(0, third, third + third + 1e-12), array(2 * third, 1, 1), np.eye(3)
    )
    assert len(found.edges) == 4


def test_cells_agree_with_looking_at_every_moment():
    rng = np.random.default_rng(3)
    starts = np.sort(rng.uniform(0, 20, 12).round(2))
    stops, scores = starts + 6, rng.uniform(size=(12, 3))
    found = smooth_windows(starts, stops, scores)
    for moment in rng.uniform(starts[0], stops[-1], 200):
        here = (starts <= moment) & (moment < stops)
        cell = np.searchsorted(found.edges, moment, side="right") - 1
        np.testing.assert_allclose(found.scores[cell], scores[here].mean(axis=0))


def exclusive(rows, **limits):
    holds = compute_activations(
        np.array(rows), "multiclass", **{"threshold": 0.0, "hysteresis": 0.1} | limits
    )
    assert (holds.sum(axis=1) <= 1).all()
    return [int(row.argmax()) if row.any() else None for row in holds]


def test_a_class_gives_way_only_to_what_is_ahead_by_the_margin():
    rows = [[0.6, 0.4], [0.48, 0.52], [0.46, 0.54], [0.44, 0.56], [0.52, 0.48], [0.56, 0.44]]
    assert exclusive(rows) == [0, 0, 0, 1, 1, 0]
    assert exclusive(rows, hysteresis=0.0) == [0, 1, 1, 1, 0, 0]


def test_a_class_begins_at_the_threshold_and_ends_a_margin_below():
    rows = [[0.55, 0.45], [0.7, 0.3], [0.52, 0.48], [0.49, 0.51], [0.3, 0.7]]
    assert exclusive(rows, threshold=0.6, hysteresis=0.1) == [None, 0, 0, None, 1]


def test_classes_that_may_hold_together_do():
    rows = np.array([[0.5, 0.1], [0.45, 0.6], [0.39, 0.45], [0.45, 0.39], [0.5, 0.0]])
    holds = compute_activations(rows, "multilabel", threshold=0.5, hysteresis=0.1)
    assert holds.tolist() == [
        [True, False], [True, True], [False, True], [False, False], [True, False],
    ]  # fmt: skip


def test_segments_join_cells_and_weigh_their_scores_by_time():
    found = TimeBins(array(0, 1, 4, 5, 6), array([0.9, 0.1], [0.5, 0.6], [0.1, 0.8], [0.7, 0.1]))
    holds = np.array([[True, False], [True, True], [False, True], [True, False]])
    assert [astuple(segment) for segment in find_segments(found, holds)] == [
        (0, 4, 0, pytest.approx((0.9 + 3 * 0.5) / 4)),
        (1, 5, 1, pytest.approx((3 * 0.6 + 0.8) / 4)),
        (5, 6, 0, pytest.approx(0.7)),
    ]
    assert find_segments(found, np.zeros_like(holds)) == []
