"""Ridge regression and its leave-one-out error against plain NumPy."""

import numpy as np
import pytest
import torch

from videomae2.metrics.linear_probe import FeatureScaler, fit_ridge, fit_ridge_path

CLASSES = 3


def data(videos, dim):
    generator = torch.Generator().manual_seed(videos)
    labels = torch.arange(videos) % CLASSES
    x = torch.randn(videos, dim, generator=generator) + 0.5 * torch.nn.functional.one_hot(
        labels, dim
    )
    return FeatureScaler.fit(x)(x), labels


def plain_ridge(x, target, penalty):
    """Weights and bias from the normal equations; ``penalty`` counts for the sum of squares."""
    centred, mean = x - x.mean(axis=0), target.mean(axis=0)
    inner = centred.T @ centred + penalty * np.eye(x.shape[1])
    weights = np.linalg.solve(inner, centred.T @ (target - mean))
    return weights, mean - x.mean(axis=0) @ weights


@pytest.mark.parametrize(("videos", "dim"), [(30, 5), (12, 40)])
@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_a_fit_solves_the_normal_equations(videos, dim, strength):
    x, labels = data(videos, dim)
    found = fit_ridge(x, labels, CLASSES, [strength])
    weights, bias = plain_ridge(x.numpy(), np.eye(CLASSES)[labels], videos * strength)
    np.testing.assert_allclose(found.weights, weights, atol=1e-10)
    np.testing.assert_allclose(found.bias, bias, atol=1e-10)
    np.testing.assert_allclose(found(x), x.numpy() @ weights + bias, atol=1e-10)


@pytest.mark.parametrize(("videos", "dim"), [(20, 5), (12, 30)])
def test_the_left_out_error_is_that_of_fits_without_each_video(videos, dim):
    x, labels = data(videos, dim)
    target = np.eye(CLASSES)[labels]
    wrong = []
    for out in range(videos):
        rest = np.arange(videos) != out
        weights, bias = plain_ridge(x.numpy()[rest], target[rest], videos * 0.3)
        wrong.append(target[out] - x.numpy()[out] @ weights - bias)
    found = fit_ridge(x, labels, CLASSES, [0.3])
    assert found.leave_one_out_error == pytest.approx(np.mean(np.square(wrong)), rel=1e-9)


def test_noise_is_shrunk_and_a_clear_answer_is_not():
    labels = torch.arange(60) % CLASSES
    noise = torch.randn(60, 40, generator=torch.Generator().manual_seed(1))
    clear = torch.nn.functional.one_hot(labels, CLASSES).double()
    strengths = [1e-4, 1e-2, 1.0, 1e2]
    assert fit_ridge(FeatureScaler.fit(noise)(noise), labels, CLASSES, strengths).l2 >= 1
    assert fit_ridge(FeatureScaler.fit(clear)(clear), labels, CLASSES, strengths).l2 == 1e-4


@pytest.mark.parametrize(("videos", "dim"), [(30, 5), (12, 40), (20, 20)])
def test_all_penalties_at_once_are_each_alone(videos, dim):
    x, labels = data(videos, dim)
    strengths = [1e-3, 0.1, 10.0]
    path = fit_ridge_path(x, labels, CLASSES, strengths)
    for number, strength in enumerate(strengths):
        alone = fit_ridge(x, labels, CLASSES, [strength])
        torch.testing.assert_close(path.weights[number], alone.weights, atol=1e-9, rtol=1e-7)
        torch.testing.assert_close(path.compute_scores(x)[number], alone(x), atol=1e-9, rtol=1e-7)
