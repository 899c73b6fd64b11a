"""Calibration error against loops, temperature against a fine search."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.metrics.calibration import (
    TEMPERATURES,
    compute_reliability,
    cross_rescale,
    fit_temperature,
    negative_log_likelihood,
    rescale_probabilities,
)
from videomae2.metrics.classification import compute_probabilities

few = settings(max_examples=40)


def drawn(seed, videos, classes, sharpness):
    """Probabilities that are right as often as they say, then sharpened or flattened."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(videos, classes)) * 2
    true = compute_probabilities(logits)
    labels = np.array([rng.choice(classes, p=p) for p in true])
    return compute_probabilities(logits * sharpness), labels


def slow_error(probs, labels, bins):
    total = 0.0
    for low in range(bins):
        inside = [
            (max(p), int(np.argmax(p)) == label)
            for p, label in zip(probs.tolist(), labels, strict=True)
            if low / bins < max(p) <= (low + 1) / bins
        ]
        if inside:
            sure, right = (sum(column) for column in zip(*inside, strict=True))
            total += abs(sure - right)
    return total / len(labels)


@few
@given(st.integers(0, 10_000), st.integers(1, 50), st.integers(2, 5), st.integers(1, 20))
def test_the_error_is_that_of_loops_over_bins(seed, videos, classes, bins):
    probs, labels = drawn(seed, videos, classes, 1.5)
    got = compute_reliability(probs, labels, num_bins=bins).error
    assert got == pytest.approx(slow_error(probs, labels, bins), abs=1e-12)


def test_bins_count_every_video_and_empty_ones_say_nothing():
    probs = np.array([[1.0, 0.0], [0.5, 0.5], [0.4, 0.6]])
    table = compute_reliability(probs, np.array([0, 1, 1]), num_bins=5)
    assert table.count.tolist() == [0, 0, 2, 0, 1]
    assert np.isnan(table.accuracy[:2]).all()
    assert table.accuracy[2] == 0.5
    assert table.confidence[4] == 1.0
    assert table.error == pytest.approx((2 * 0.05 + 0) / 3)


@few
@given(st.integers(0, 10_000), st.floats(0.2, 5))
def test_no_other_temperature_is_better(seed, sharpness):
    probs, labels = drawn(seed, 200, 4, sharpness)
    fitted = fit_temperature(probs, labels)
    best = negative_log_likelihood(rescale_probabilities(probs, fitted), labels)
    assert fitted not in TEMPERATURES
    for factor in (0.5, 0.9, 0.999, 1.001, 1.1, 2):
        other = negative_log_likelihood(rescale_probabilities(probs, fitted * factor), labels)
        assert best <= other + 1e-12


def test_the_temperature_that_was_put_in_is_found():
    probs, labels = drawn(3, 5000, 5, 2.5)
    assert fit_temperature(probs, labels) == pytest.approx(2.5, rel=0.05)
    before = compute_reliability(probs, labels).error
    assert compute_reliability(cross_rescale(probs, labels), labels).error < before / 4


def test_everything_right_or_wrong_ends_at_the_limits():
    sure = np.array([[0.9, 0.1], [0.2, 0.8]])
    right, wrong = np.array([0, 1]), np.array([1, 0])
    assert fit_temperature(sure, right) == TEMPERATURES[0]
    assert fit_temperature(sure, wrong) == TEMPERATURES[1]
    assert fit_temperature(np.full((3, 2), 0.5), np.array([0, 1, 1])) in TEMPERATURES


def test_probabilities_of_zero_and_one_do_no_harm():
    probs = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.6, 0.4]])
    fitted = fit_temperature(probs, np.array([0, 1, 1, 0]))
    assert np.isfinite(fitted)
    assert np.isfinite(rescale_probabilities(probs, fitted)).all()
    assert np.isfinite(negative_log_likelihood(probs, np.array([1, 1, 1, 0])))


def test_rescaling_keeps_the_order_and_at_one_the_values():
    probs, _ = drawn(0, 20, 6, 1)
    np.testing.assert_allclose(rescale_probabilities(probs, 1.0), probs)
    assert (rescale_probabilities(probs, 3.0).argsort(axis=1) == probs.argsort(axis=1)).all()


def test_halves_need_two_videos():
    with pytest.raises(ValueError, match="one video has no other half"):
        cross_rescale(np.array([[1.0, 0.0]]), np.array([0]))
