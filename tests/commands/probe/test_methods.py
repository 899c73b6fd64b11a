"""Probes of made-up features: perfect where classes are apart, chance where there is nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from videomae2.commands.probe.attentive import TokenFeatures, probe_attentive
from videomae2.commands.probe.config import ProbeSettings
from videomae2.commands.probe.knn_linear import probe_knn, probe_linear, probe_ridge
from videomae2.commands.probe.split_features import SplitFeatures
from videomae2.errors import ConfigError
from videomae2.inference.features.cache import ListFeatures
from videomae2.metrics.bootstrap import accuracy_interval
from videomae2.models.attentive_probe import standardize_tokens
from videomae2.tensors.grid import pool_grid, pool_tokens

CLASSES, DIM = 4, 12
KNN = ProbeSettings(ks=(1, 5, 20, 500))
LINEAR = ProbeSettings(l2=(1e-3, 1e-1, 10.0))
PROBES = [(probe_knn, KNN), (probe_linear, LINEAR), (probe_ridge, ProbeSettings())]


def made_up(videos, *, seed, apart):
    """Features of which the second kind knows the class, if ``apart``; the first is noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = np.arange(videos) % CLASSES
    features = torch.randn(videos, 2, DIM, generator=generator)
    if apart:
        features[:, 1] += 20 * torch.nn.functional.one_hot(torch.from_numpy(labels), DIM)
    return SplitFeatures(features, labels)


@pytest.mark.parametrize(("method", "how"), PROBES)
def test_classes_that_are_apart_are_told_perfectly(method, how):
    train, test = (made_up(count, seed=count, apart=True) for count in (80, 40))
    found = method(train, test, CLASSES, how)
    assert found.accuracy.value == found.val_accuracy == found.mean_class_accuracy == 1
    assert found.accuracy.low < 0.95
    assert found.best_params["features"] == "normed"


@pytest.mark.parametrize(("method", "how"), PROBES)
def test_noise_is_told_at_chance(method, how):
    train, test = (made_up(count, seed=count, apart=False) for count in (200, 400))
    found = method(train, test, CLASSES, how)
    assert found.accuracy.low < 0.25 < found.accuracy.high
    assert found.val_accuracy < 0.4


@pytest.mark.parametrize(("method", "how"), PROBES)
def test_the_test_chooses_nothing(method, how):
    train, test = made_up(80, seed=1, apart=False), made_up(40, seed=2, apart=False)
    other = SplitFeatures(test.features, test.labels[::-1].copy())
    one, two = (method(train, each, CLASSES, how) for each in (test, other))
    assert (one.best_params, one.val_accuracy) == (two.best_params, two.val_accuracy)
    assert [t.val_accuracy for t in one.trials] == [t.val_accuracy for t in two.trials]


def test_all_settings_are_tried_and_what_cannot_be_is_said():
    train, test = made_up(80, seed=1, apart=True), made_up(40, seed=2, apart=True)
    found = probe_knn(train, test, CLASSES, KNN)
    assert len(found.trials) == 2 * 2 * 3
    assert found.remarks == ("k 500 left out: a fold has 64 videos",)
    found = probe_linear(train, test, CLASSES, LINEAR)
    assert [t.params["l2"] for t in found.trials] == [10.0, 0.1, 0.001] * 2
    assert "l2 10 is at the end of --l2" in found.remarks[0]


def test_folds_that_cannot_be_are_refused():
    train = made_up(8, seed=1, apart=True)
    with pytest.raises(ConfigError, match="--folds is 9, wanted 2 up to 8"):
        probe_knn(train, train, CLASSES, replace(KNN, folds=9))
    with pytest.raises(ConfigError, match="--ks wants numbers up to 6"):
        probe_knn(train, train, CLASSES, replace(KNN, ks=(7,)))


def tokens(videos, *, seed, apart):
    """Tokens of which a third, at any places, know the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(videos) % CLASSES
    x = rng.standard_normal((videos, 9, DIM)).astype(np.float32)
    if apart:
        places = np.argsort(rng.random((videos, 9)), axis=1)[:, :3]
        x[np.arange(videos)[:, None], places, labels[:, None]] += 15
    array = standardize_tokens(torch.from_numpy(x)).half().numpy()
    features = InMemory(array)
    return TokenFeatures(features, "tokens", np.arange(videos), labels, torch.device("cpu"))


class InMemory(ListFeatures):
    """Features that are in no folder."""

    def __init__(self, array):
        super().__init__({}, [], {})
        object.__setattr__(self, "array", array)

    def load_rows(self, name, rows):
        return self.array[rows]

    def compute_shape(self, name, row):
        return self.array.shape[1:]


def attended(*data, lrs, epochs=12):
    settings = ProbeSettings(epochs=epochs, probe_batch_size=16, lrs=lrs, weight_decays=(0.01,))
    return probe_attentive(*data, CLASSES, 3, settings)


def test_tokens_that_know_are_found():
    data = tokens(120, seed=1, apart=True), tokens(60, seed=2, apart=True)
    found = attended(*data, lrs=(1e-4, 1e-2))
    assert found.accuracy.value == 1
    assert found.best_params == {"lr": 1e-2, "weight_decay": 0.01}
    assert "lr 0.01 is at the end of --lrs" in found.remarks[0]


def test_noise_is_attended_to_at_chance():
    right = []
    for draw in range(4):
        data = (tokens(count, seed=count + draw, apart=False) for count in (120, 400))
        found = attended(*data, lrs=(1e-3,), epochs=4)
        right.append(found.accuracy.value)
    deviation = (0.25 * 0.75 / 1600) ** 0.5
    assert abs(np.mean(right) - 0.25) < 3 * deviation


def test_a_rate_that_diverges_spoils_no_other_and_is_not_chosen():
    data = tokens(60, seed=1, apart=True), tokens(30, seed=2, apart=True)
    together = attended(*data, lrs=(1e-3, 1e30), epochs=3)
    alone = attended(*data, lrs=(1e-3,), epochs=3)
    assert together.trials[1].val_accuracy == 0
    assert together.trials[0] == alone.trials[0]
    assert together.accuracy == alone.accuracy


def test_where_all_are_hits_the_interval_is_not_a_point():
    assert accuracy_interval(np.ones(20)).low == pytest.approx(20 / (20 + 1.96**2), abs=1e-3)
    assert accuracy_interval(np.array([1.0] * 15 + [0.0] * 5)).value == 0.75


@pytest.mark.parametrize(
    ("most", "kept"),
    [(2000, (8, 14, 14)), (1568, (8, 14, 14)), (400, (8, 7, 7)), (300, (8, 1, 1)), (5, (4, 1, 1)),
     (1, (1, 1, 1))],
)  # fmt: skip
def test_tokens_are_averaged_in_space_first(most, kept):
    assert pool_grid((8, 14, 14), most) == kept


def test_an_average_is_over_neighbours():
    x = torch.arange(2 * 4 * 4, dtype=torch.float32).view(1, -1, 1)
    found = pool_tokens(x, (2, 4, 4), (2, 2, 2))[0, :, 0].tolist()
    assert found == [2.5, 4.5, 10.5, 12.5, 18.5, 20.5, 26.5, 28.5]
