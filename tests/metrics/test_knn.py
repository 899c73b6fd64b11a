"""k-NN against a plain restatement, and ties that are broken the same way everywhere."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from videomae2.metrics.knn import compute_weighted_votes, count_votes, find_nearest

LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])


def plain_neighbours(test, train, k):
    """(cosine, number) of the k nearest, of equals the first, in plain Python."""
    found = []
    for row in test:
        cosines = [float(row @ one / np.linalg.norm(row) / np.linalg.norm(one)) for one in train]
        order = sorted(range(len(train)), key=lambda i: (-cosines[i], i))[:k]
        found.append([(cosines[i], i) for i in order])
    return found


@pytest.mark.parametrize("k", [1, 4, 10])
def test_neighbours_are_those_of_the_plain_restatement(k):
    generator = torch.Generator().manual_seed(k)
    test, train = torch.randn(300, 6, generator=generator), torch.randn(10, 6, generator=generator)
    cosines, index = find_nearest(test, train, k)
    wanted = plain_neighbours(test.double().numpy(), train.double().numpy(), k)
    assert index.tolist() == [[i for _, i in row] for row in wanted]
    np.testing.assert_allclose(cosines, [[c for c, _ in row] for row in wanted], atol=1e-6)


def test_of_equal_cosines_the_first_is_nearer():
    train = torch.tensor([[0.0, 1.0], [2.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 3.0], [4.0, 0.0]])
    _, index = find_nearest(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), train, 6)
    assert index.tolist() == [[1, 2, 5, 0, 4, 3], [3, 0, 4, 1, 2, 5]]


@pytest.mark.parametrize("k", [0, 11])
def test_more_neighbours_than_there_are_is_refused(k):
    with pytest.raises(ValueError, match="wanted 1 to 10"):
        find_nearest(torch.zeros(1, 2), torch.zeros(10, 2), k)


def test_weighted_votes_are_sums_of_exponentials():
    generator = torch.Generator().manual_seed(3)
    test, train = torch.randn(20, 4, generator=generator), torch.randn(10, 4, generator=generator)
    cosines, index = find_nearest(test, train, 5)
    votes = compute_weighted_votes(cosines, LABELS[index], 4, temperature=0.07)
    for row, found in enumerate(plain_neighbours(test.numpy(), train.numpy(), 5)):
        wanted = [
            sum(np.exp(c / 0.07) for c, i in found if LABELS[i] == label) for label in range(4)
        ]
        np.testing.assert_allclose(
            votes[row] / votes[row].sum(), wanted / np.sum(wanted), rtol=1e-4
        )


def test_a_majority_goes_before_nearness_and_nearness_breaks_a_tie():
    votes = count_votes(np.array([[2, 0, 0], [1, 0, 2], [0, 1, 1]]), 3)
    assert votes.argmax(axis=1).tolist() == [0, 1, 1]
    assert np.floor(votes).tolist() == [[2, 0, 1], [1, 1, 1], [1, 2, 0]]
    for row in votes:
        assert len(set(row[row > 0])) == (row > 0).sum()


def test_features_are_not_asked_for_their_length():
    train = torch.eye(3)
    _, index = find_nearest(100 * F.normalize(torch.tensor([[1.0, 2.0, 3.0]])), train, 3)
    assert index.tolist() == [[2, 1, 0]]
