"""Logistic regression: at its optimum by a gradient in plain NumPy."""

import numpy as np
import pytest
import torch

from videomae2.metrics.linear_probe import FeatureScaler, fit_logistic

STRENGTHS = [1e-4, 1e-2, 1.0]


def data(videos, dim, classes):
    generator = torch.Generator().manual_seed(dim)
    labels = torch.arange(videos) % classes
    centres = torch.randn(classes, dim, generator=generator)
    x = torch.randn(videos, dim, generator=generator) + 0.5 * centres[labels]
    return FeatureScaler.fit(x)(x), labels


def plain_gradient(x, labels, weights, bias, strength):
    scores = np.exp(x @ weights + bias)
    wrong = scores / scores.sum(axis=1, keepdims=True) - np.eye(len(bias))[labels]
    return x.T @ wrong / len(x) + strength * weights, wrong.mean(axis=0)


@pytest.mark.parametrize(("videos", "dim", "classes"), [(60, 8, 3), (24, 50, 4), (30, 5, 2)])
def test_every_strength_is_at_its_optimum(videos, dim, classes):
    x, labels = data(videos, dim, classes)
    fit = fit_logistic(x, labels, classes, STRENGTHS, tolerance=1e-8)
    assert fit.converged.all()
    for number, strength in enumerate(STRENGTHS):
        plain = x.numpy(), labels.numpy(), fit.weights[number].numpy(), fit.bias[number].numpy()
        for part in plain_gradient(*plain, strength):
            assert np.abs(part).max() < 1e-7


def test_solved_together_or_alone_is_the_same():
    x, labels = data(60, 8, 3)
    together = fit_logistic(x, labels, 3, STRENGTHS, tolerance=1e-10)
    for number, strength in enumerate(STRENGTHS):
        alone = fit_logistic(x, labels, 3, [strength], tolerance=1e-10)
        np.testing.assert_allclose(together.weights[number], alone.weights[0], atol=1e-6)
        np.testing.assert_allclose(
            together.compute_scores(x)[number], alone.compute_scores(x)[0], atol=1e-6
        )


def test_what_is_not_reached_is_said():
    x, labels = data(60, 8, 3)
    fit = fit_logistic(x, labels, 3, [1e-6, 10.0], max_steps=12)
    assert fit.converged.tolist() == [False, True]
    assert fit.num_steps == 12


def test_a_feature_without_variance_gets_no_weight():
    x, labels = data(60, 8, 3)
    x[:, 2] = 0
    fit = fit_logistic(x, labels, 3, [1e-3])
    assert fit.converged.all()
    np.testing.assert_allclose(fit.weights[0, 2], 0, atol=1e-12)
