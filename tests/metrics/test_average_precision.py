"""Average precision against its definition, threshold by threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from videomae2.metrics.classification import (
    average_precision,
    average_precision_per_class,
    mean_average_precision,
)


def slow_average_precision(scores, positive):
    """Lower the threshold to each score that occurs; add precision times what recall gained."""
    total, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        taken = [p for s, p in zip(scores, positive, strict=True) if s >= threshold]
        recall = sum(taken) / sum(positive)
        total += (recall - before) * sum(taken) / len(taken)
        before = recall
    return total


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=20))
def test_it_is_the_sum_over_thresholds(rows):
    scores = np.array([score for score, _ in rows], dtype=float)
    positive = np.array([is_in for _, is_in in rows])
    got = average_precision(scores, positive)
    if positive.any():
        assert got == pytest.approx(slow_average_precision(scores.tolist(), positive.tolist()))
    else:
        assert np.isnan(got)


def test_it_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 20, (60, 4)) / 20, rng.random((60, 4)) < 0.3
    wanted = average_precision_score(positive, scores, average=None)
    np.testing.assert_allclose(average_precision_per_class(scores, positive), wanted)


def test_by_hand():
    ranked = np.array([0.9, 0.8, 0.7, 0.6])
    assert average_precision(ranked, np.array([True, False, True, False])) == pytest.approx(5 / 6)
    assert average_precision(np.zeros(4), np.array([True, False, False, False])) == 0.25


def test_the_mean_is_over_classes_with_positives():
    scores = np.array([[0.9, 0.1, 0.3], [0.8, 0.9, 0.2]])
    positive = np.array([[True, False, False], [False, False, True]])
    each = average_precision_per_class(scores, positive)
    assert np.array_equal(each, [1.0, np.nan, 0.5], equal_nan=True)
    assert mean_average_precision(scores, positive) == 0.75


def test_nothing_positive_and_nothing_finite_are_refused():
    with pytest.raises(ValueError, match="no video has any class"):
        mean_average_precision(np.zeros((2, 2)), np.zeros((2, 2), dtype=bool))
    with pytest.raises(ValueError, match="a score is not finite"):
        average_precision(np.array([np.nan]), np.array([True]))
