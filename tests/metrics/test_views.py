"""Probabilities of views without overflow; fewer views are spread evenly."""

import numpy as np

from videomae2.metrics.classification import choose_evenly, compute_probabilities


def test_large_logits_do_not_overflow():
    x = np.array([[1e4, -1e4, 0.0]])
    assert compute_probabilities(x).tolist() == [[1.0, 0.0, 0.0]]
    assert compute_probabilities(x, "multilabel").tolist() == [[1.0, 0.0, 0.5]]


def test_fewer_views_are_spread_around_the_middle():
    assert choose_evenly(5, 1) == [2]
    assert choose_evenly(3, 2) == [0, 2]
    assert choose_evenly(5, 3) == [0, 2, 4]
    assert [choose_evenly(7, n)[-1] for n in (1, 7)] == [3, 6]
