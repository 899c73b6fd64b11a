"""How far a student is from its teacher, against NumPy."""

import numpy as np
import pytest
import torch

from tests.tasks.test_distill import FEATURES, SCORES, TAUGHT, TAUGHT_FEATURES
from videomae2.tasks.distill import compute_feature_distances, hard_labels, kl_divergence


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_the_divergence_is_that_of_the_textbook(temperature):
    own, other = (x.double().numpy() / temperature for x in (SCORES, TAUGHT))
    p, q = softmax(other), softmax(own)
    want = (p * (np.log(p) - np.log(q))).sum(axis=1)
    got = kl_divergence(SCORES, TAUGHT, temperature)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-5)
    assert (got > 0).all()
    assert kl_divergence(TAUGHT, TAUGHT, temperature).abs().max() < 1e-6


def test_the_divergence_of_labels_is_two_sided():
    p, q = (1 / (1 + np.exp(-x.double().numpy() / 3)) for x in (TAUGHT, SCORES))
    want = (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))).mean(axis=1)
    got = kl_divergence(SCORES, TAUGHT, 3.0, "multilabel")
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-5)


def test_distances_of_features():
    own, other = FEATURES.double().numpy(), TAUGHT_FEATURES.double().numpy()
    lengths = np.linalg.norm(own, axis=1) * np.linalg.norm(other, axis=1)
    for kind, want in (
        ("cosine", 1 - (own * other).sum(axis=1) / lengths),
        ("squared", ((own - other) ** 2).mean(axis=1)),
    ):
        got = compute_feature_distances(FEATURES, TAUGHT_FEATURES, kind)
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-5)


def test_decisions():
    assert hard_labels(torch.tensor([[1.0, 3.0]]), "multiclass").tolist() == [1]
    assert hard_labels(torch.tensor([[1.0, -3.0]]), "multilabel").tolist() == [[1, 0]]
