"""Views are averaged per video; what more views add."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.metrics.classification import (
    average_views,
    choose_evenly,
    compute_accuracy_by_views,
    compute_probabilities,
)

few = settings(max_examples=40)


def slow_merge(logits, videos, views):
    """Softmax of each view, one after the other; a view that was seen is left out; mean."""
    seen, sums = set(), {}
    for row, video, view in zip(logits, videos, views, strict=True):
        if (video, view) not in seen:
            seen.add((video, view))
            powers = [2.718281828459045 ** float(x) for x in row]
            share = np.array([power / sum(powers) for power in powers])
            sums.setdefault(video, []).append(share)
    return {video: sum(parts) / len(parts) for video, parts in sums.items()}


@few
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 6))
def test_merging_is_the_mean_of_probabilities(seed, views, classes):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(views, classes)) * 3
    videos = [f"folder{i}/001.mp4" for i in rng.integers(0, 4, views)]
    names = [(int(i), int(j)) for i, j in rng.integers(0, 3, (views, 2))]
    merged = average_views(logits, videos, names)
    want = slow_merge(logits, videos, names)
    assert merged.videos == tuple(dict.fromkeys(videos))
    for row, video in enumerate(merged.videos):
        np.testing.assert_allclose(merged.probabilities[row], want[video], atol=1e-12)
    assert merged.num_views.sum() == len(set(zip(videos, names, strict=True)))


def test_videos_of_one_base_name_stay_two():
    logits = np.array([[4.0, 0.0], [0.0, 4.0]], dtype=np.float32)
    merged = average_views(logits, ["a/001.mp4", "b/001.mp4"], [(0, 0), (0, 0)])
    assert len(merged.videos) == 2
    assert merged.probabilities.argmax(axis=1).tolist() == [0, 1]


def test_of_a_view_given_twice_the_first_counts():
    logits = np.array([[0.0, 0.0], [0.0, 9.0], [9.0, 0.0]])
    merged = average_views(logits, ["v"] * 3, [0, 1, 0])
    alone = average_views(logits[:2], ["v"] * 2, [0, 1])
    assert (merged.probabilities == alone.probabilities).all()
    assert merged.num_views.tolist() == [2]


def test_large_logits_do_not_overflow():
    x = np.array([[1e4, -1e4, 0.0]])
    assert compute_probabilities(x).tolist() == [[1.0, 0.0, 0.0]]
    assert compute_probabilities(x, "multilabel").tolist() == [[1.0, 0.0, 0.5]]


def test_a_score_that_is_not_finite_is_refused_with_its_video():
    with pytest.raises(ValueError, match=r"a score of b\.mp4 is not a finite number"):
        average_views(np.array([[0.0], [np.nan]]), ["a.mp4", "b.mp4"], [0, 0])
    with pytest.raises(ValueError, match="2 logits, 1 videos, 2 views"):
        average_views(np.zeros((2, 3)), ["a"], [0, 1])


# ---- number of views


def test_fewer_views_are_spread_around_the_middle():
    assert choose_evenly(5, 1) == [2]
    assert choose_evenly(3, 2) == [0, 2]
    assert choose_evenly(5, 3) == [0, 2, 4]
    assert [choose_evenly(7, n)[-1] for n in (1, 7)] == [3, 6]


def test_accuracy_by_views_grows_where_every_view_is_right_more_often_than_not():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 400)
    truth = np.eye(4)[labels][:, None, None]
    found = compute_accuracy_by_views(truth + rng.normal(size=(400, 5, 3, 4)) * 1.5, labels)
    assert [(one.num_clips, one.num_crops) for one in found][:4] == [(1, 1), (1, 2), (1, 3), (2, 1)]
    assert found[0].accuracy < found[2].accuracy < found[-1].accuracy
    assert found[-1].num_views == 15


def test_accuracy_with_all_views_is_that_of_the_mean():
    rng = np.random.default_rng(1)
    scores, labels = rng.random((30, 2, 3, 5)), rng.integers(0, 5, 30)
    want = (scores.mean(axis=(1, 2)).argmax(axis=1) == labels).mean()
    assert compute_accuracy_by_views(scores, labels)[-1].accuracy == pytest.approx(want)
    assert compute_accuracy_by_views(scores, labels, k=5)[0].accuracy == 1.0
