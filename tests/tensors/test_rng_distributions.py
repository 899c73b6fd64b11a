"""Keyed normal, gamma and beta numbers have the distributions they are named after."""

import math

import numpy as np
import pytest
import torch

from videomae2.tensors import rng
from videomae2.tensors.rng_torch import beta, log_gamma, normal

COUNT = 20000
FAR = 1.95 / math.sqrt(COUNT)  # the Kolmogorov-Smirnov distance of one sample in a thousand


def keys(count=COUNT, seed=0):
    return torch.tensor([rng.to_int64(rng.make_key(seed, n)) for n in range(count)])


def distance(sample, cumulative):
    """Largest difference between the shares of a sample and a distribution."""
    x = np.sort(np.asarray(sample, dtype=np.float64).ravel())
    want = cumulative(x)
    steps = np.arange(len(x) + 1) / len(x)
    return max(np.abs(want - steps[1:]).max(), np.abs(want - steps[:-1]).max())


def beta_cumulative(one, other):
    """By adding up the density in steps that are fine at both ends."""
    t = (1 - np.cos(np.linspace(0, np.pi, 400001))) / 2
    middle = (t[1:] + t[:-1]) / 2
    total = np.cumsum(middle ** (one - 1) * (1 - middle) ** (other - 1) * np.diff(t))
    return lambda x: np.interp(x, t, np.concatenate(([0], total / total[-1])))


def normal_cumulative(x):
    return 0.5 * (1 + torch.erf(torch.tensor(x) / math.sqrt(2)).numpy())


def test_normal_numbers_are_normal():
    x = normal(keys(), 1)
    assert distance(x, normal_cumulative) < FAR
    both = normal(keys(), 10)
    assert distance(both, normal_cumulative) < FAR
    assert (torch.corrcoef(both.T) - torch.eye(10)).abs().max() < 0.03
    assert both.isfinite().all()
    assert both.abs().max() < 5.8


def test_normal_numbers_are_those_of_the_formula():
    words = rng.bits(99, 3)
    far = ((words >> np.uint64(40)).astype(float) + 1) / 2**24
    angle = 2 * np.pi * (words & np.uint64(0xFFFFFF)).astype(float) / 2**24
    radius = np.sqrt(-2 * np.log(far))
    want = np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1).ravel()[:5]
    np.testing.assert_allclose(normal(torch.tensor([99]), 5)[0], want, atol=2e-6)


def test_normal_numbers_do_not_depend_on_how_many_are_asked_or_on_neighbours():
    some = keys(5)
    assert torch.equal(normal(some, 9)[:, :4], normal(some, 4))
    assert torch.equal(normal(some, 9)[3:4], normal(some[3:4], 9))


@pytest.mark.parametrize(
    ("one", "other"), [(0.8, 0.8), (1.0, 1.0), (0.2, 0.2), (5.0, 5.0), (0.5, 3.0), (2.0, 0.9)]
)
def test_beta_numbers_are_beta_distributed(one, other):
    x = beta(keys(seed=1), one, other)
    assert x.dtype == torch.float64
    assert x.min() >= 0
    assert x.max() <= 1
    assert distance(x, beta_cumulative(one, other)) < FAR


def test_beta_of_one_and_one_is_uniform():
    assert distance(beta(keys(seed=2), 1.0, 1.0), lambda x: x) < FAR


@pytest.mark.parametrize("shape", [0.3, 0.8, 1.0, 2.5, 40.0])
def test_gamma_numbers_have_the_moments_of_theirs(shape):
    x = log_gamma(keys(seed=3), shape).exp()
    assert abs(x.mean() - shape) < 4 * math.sqrt(shape / COUNT)
    assert abs(x.var() / shape - 1) < 0.06 + 0.06 / shape
    if shape == 1.0:
        assert distance(x, lambda x: 1 - np.exp(-x)) < FAR


def test_gamma_of_another_sampler_is_alike():
    mine = np.sort(log_gamma(keys(seed=4), 0.8).exp().numpy())
    other = np.sort(np.random.default_rng(0).gamma(0.8, size=COUNT))
    share = np.searchsorted(other, mine, side="right") / COUNT
    assert np.abs(share - np.arange(1, COUNT + 1) / COUNT).max() < 1.5 * FAR
