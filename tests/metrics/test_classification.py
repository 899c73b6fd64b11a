"""Top-k with ties, accuracy per class, confusions, hardest videos."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from videomae2.metrics.classification import (
    confusion_matrix,
    hardest_samples,
    list_confusions,
    mean_class_accuracy,
    per_class_mean,
    predict_classes,
    top_k_accuracy,
    top_k_hits,
)

few = settings(max_examples=50)


@few
@given(st.integers(0, 10_000), st.integers(1, 20), st.integers(2, 6), st.integers(1, 7))
def test_hits_are_those_of_a_stable_order(seed, videos, classes, k):
    rng = np.random.default_rng(seed)
    scores, labels = rng.integers(0, 3, (videos, classes)) / 2, rng.integers(0, classes, videos)
    first_k = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    assert top_k_hits(scores, labels, k=k).tolist() == [
        float(label in row) for row, label in zip(first_k.tolist(), labels, strict=True)
    ]


def test_without_ties_they_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores, labels = rng.random((80, 9)), np.arange(80) % 9
    wanted = metrics.top_k_accuracy_score(labels, scores, k=3)
    assert top_k_accuracy(scores, labels, k=3) == pytest.approx(wanted)
    predicted = predict_classes(scores)
    wanted = metrics.balanced_accuracy_score(labels, predicted)
    assert mean_class_accuracy(scores, labels) == pytest.approx(wanted)


def test_equal_scores_name_the_first_class():
    scores, labels = np.full((10, 5), 0.2), np.arange(10) % 5
    assert top_k_accuracy(scores, labels) == pytest.approx(0.2)
    assert top_k_hits(scores, labels, k=3).tolist() == [1, 1, 1, 0, 0] * 2
    assert top_k_accuracy(scores, labels, k=9) == 1.0


@few
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(2, 6))
def test_top_1_is_the_diagonal_of_the_confusions(seed, videos, classes):
    rng = np.random.default_rng(seed)
    scores, labels = rng.random((videos, classes)), rng.integers(0, classes, videos)
    confusion = confusion_matrix(scores, labels)
    slow = np.zeros((classes, classes), dtype=int)
    for row, label in zip(scores, labels, strict=True):
        slow[label, int(np.argmax(row))] += 1
    assert (confusion == slow).all()
    assert top_k_accuracy(scores, labels) == pytest.approx(np.trace(confusion) / videos)
    shares = [slow[c, c] / slow[c].sum() for c in range(classes) if slow[c].sum()]
    assert mean_class_accuracy(scores, labels) == pytest.approx(np.mean(shares))


def test_a_class_without_a_video_has_no_accuracy():
    values = per_class_mean(np.array([1.0, 0.0, 1.0]), np.array([0, 0, 2]), 4)
    assert np.array_equal(values, [0.5, np.nan, 1.0, np.nan], equal_nan=True)


def test_worst_confusions_are_mistakes_in_order():
    confusion = np.array([[9, 1, 0], [4, 0, 0], [2, 0, 7]])
    assert list_confusions(confusion, 2) == [(1, 0, 4), (2, 0, 2)]
    assert list_confusions(confusion, 9) == [(1, 0, 4), (2, 0, 2), (0, 1, 1)]


def test_the_hardest_video_is_the_one_whose_class_is_least_believed():
    scores = np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    assert hardest_samples(scores, np.array([0, 1, 1, 1])).tolist() == [1, 0, 3, 2]
    assert predict_classes(scores).tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        (np.zeros((0, 3)), [], "0 rows of scores and 0 labels"),
        (np.zeros((2, 3)), [0, 3], "labels are 0 to 3, but there are 3 classes"),
        (np.zeros((2, 3)), [-1, 0], "labels are -1 to 0"),
        (np.array([[0.0, 1.0], [np.nan, 0.0]]), [0, 0], "row 1 of the scores"),
    ],
)
def test_what_cannot_be_measured_is_refused(scores, labels, message):
    with pytest.raises(ValueError, match=message):
        top_k_accuracy(scores, np.array(labels, dtype=np.int64))
    with pytest.raises(ValueError, match=message):
        confusion_matrix(scores, np.array(labels, dtype=np.int64))


def test_k_below_one_is_refused():
    with pytest.raises(ValueError, match="k is 0, wanted 1 or more"):
        top_k_hits(np.zeros((1, 2)), np.array([0]), k=0)


def test_another_number_of_labels_is_refused():
    with pytest.raises((ValueError, TypeError)):  # by its shape, where shapes are checked
        top_k_hits(np.zeros((2, 3)), np.array([0]), k=1)
