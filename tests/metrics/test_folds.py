import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from videomae2.metrics.folds import assign_folds, count_class_groups, validation_split
from videomae2.metrics.linear_probe import FeatureScaler

LABELS = st.lists(st.integers(0, 4), min_size=5, max_size=60).map(np.array)


@given(LABELS, st.integers(2, 5), st.integers(0, 3))
def test_folds_have_even_shares_of_everything(labels, count, seed):
    found = assign_folds(labels, count, seed=seed)
    for rows in (slice(None), *(labels == label for label in set(labels.tolist()))):
        sizes = np.bincount(found[rows], minlength=count)
        assert sizes.max() - sizes.min() <= 1


@given(LABELS, st.sampled_from([0.1, 0.2, 0.25, 0.5]))
def test_what_is_held_out_is_the_share_of_each_class(labels, share):
    out = validation_split(labels, share)
    for rows in (slice(None), *(labels == label for label in set(labels.tolist()))):
        assert abs(out[rows].sum() - share * len(out[rows])) < 1


def test_another_seed_draws_others_and_the_same_the_same():
    labels = np.zeros(40, dtype=int)
    assert (assign_folds(labels, 4, seed=1) == assign_folds(labels, 4, seed=1)).all()
    assert (assign_folds(labels, 4, seed=1) != assign_folds(labels, 4, seed=2)).any()


@pytest.mark.parametrize("count", [1, 4])
def test_folds_that_cannot_be_are_refused(count):
    with pytest.raises(ValueError, match="3 videos cannot be split"):
        assign_folds(np.array([0, 1, 2]), count)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_or_nothing_is_no_share(share):
    with pytest.raises(ValueError, match="wanted between 0 and 1"):
        validation_split(np.array([0, 1]), share)


def test_features_are_scaled_by_the_training_part_alone():
    generator = torch.Generator().manual_seed(0)
    train = 3 + 5 * torch.randn(50, 4, generator=generator).double()
    scaled = FeatureScaler.fit(train)(train).numpy()
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-9)
    other = FeatureScaler.fit(train)(train + 5).numpy()
    wanted = np.broadcast_to(5 / train.numpy().std(axis=0), other.shape)
    np.testing.assert_allclose(other - scaled, wanted)


def test_a_feature_that_is_constant_in_training_says_nothing():
    train = torch.tensor([[1000.0, 1.0], [1000.0, 2.0]])
    scaled = FeatureScaler.fit(train)(torch.tensor([[-7.0, 2.0]]))
    assert scaled.tolist() == [[0.0, 1.0]]


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 11)), min_size=12, max_size=80).filter(
        lambda pairs: len({group for _, group in pairs}) >= 5
    ),
    st.integers(2, 5),
    st.integers(0, 3),
)
def test_folds_part_no_group_and_use_every_video(pairs, count, seed):
    labels, groups = np.array([label for label, _ in pairs]), [f"g{group}" for _, group in pairs]
    found = assign_folds(labels, count, seed=seed, groups=groups)
    assert set(found.tolist()) <= set(range(count))
    folds_of = {group: set(found[np.array(groups) == group].tolist()) for group in set(groups)}
    assert all(len(folds) == 1 for folds in folds_of.values())
    assert (found == assign_folds(labels, count, seed=seed, groups=groups)).all()


def test_classes_are_spread_over_the_folds_as_groups_allow():
    labels, groups = np.tile([0, 1, 2], 40), [f"g{row // 6}" for row in range(120)]
    found = assign_folds(labels, 5, groups=groups)
    for label in range(3):
        assert np.bincount(found[labels == label], minlength=5).tolist() == [8] * 5


@pytest.mark.parametrize("count", [1, 3])
def test_folds_of_fewer_groups_are_refused(count):
    with pytest.raises(ValueError, match="2 groups cannot be split"):
        assign_folds(np.array([0, 1, 0, 1]), count, groups=["a", "a", "b", "b"])


def test_the_groups_of_each_class_are_counted():
    assert count_class_groups(np.array([2, 0, 2, 2]), ["a", "a", "a", "b"]) == {0: 1, 2: 2}
