from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videomae2.data.loading.mixture import Mixture
from videomae2.errors import ConfigError


def taken(mixture, steps, batch):
    return [pick for step in range(steps) for pick in mixture.list_step(step, batch)]


def test_every_video_is_taken_once_an_epoch():
    mixture = Mixture([7, 5], [1.0, 1.0], seed=3)
    picks = taken(mixture, mixture.steps_per_epoch(4), 4)
    assert len({(p.source, p.video) for p in picks}) == 12


def test_a_weight_says_how_often_a_source_is_gone_through():
    mixture = Mixture([10, 10], [2.0, 0.5], seed=0)
    assert mixture.epoch_size == 25
    counts = Counter(p.source for p in taken(mixture, 5, 5))
    assert counts == {0: 20, 1: 5}


def test_a_fraction_takes_the_other_videos_the_next_time():
    mixture = Mixture([8], [0.5], seed=1)
    picks = taken(mixture, 2, 4)
    assert {p.video for p in picks} == set(range(8))
    assert {p.repeat for p in picks} == {0}
    assert {p.repeat for p in mixture.list_step(2, 4)} == {1}


def test_epochs_differ_and_seeds_differ():
    mixture = Mixture([50], [1.0], seed=0)
    first, second = mixture.list_step(0, 50), mixture.list_step(1, 50)
    assert [p.video for p in first] != [p.video for p in second]
    assert [p.video for p in first] != [
        p.video for p in Mixture([50], [1.0], seed=1).list_step(0, 50)
    ]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=3), st.integers(0, 30))
def test_a_step_is_the_same_whoever_asks_and_in_whatever_order(sizes, step):
    weights = [1.0] * len(sizes)
    batch = min(3, sum(sizes))
    fresh, used = (Mixture(sizes, weights, seed=9) for _ in range(2))
    for other in range(step):
        used.list_step(other, batch)
    assert fresh.list_step(step, batch) == used.list_step(step, batch)


def test_too_few_videos_say_what_would_work():
    with pytest.raises(
        ConfigError, match=r"5 videos .* --optim.global-batch-size 16; .* at most 5, .*weight 4"
    ):
        Mixture([5], [1.0], seed=0).steps_per_epoch(16)


@pytest.mark.parametrize(
    ("sizes", "weights", "wanted"),
    [
        ([10, 10], [0.1, 1.0], 3),
        ([10, 20], [1.0, 0.5], 3),
        ([4], [0.5], 8),
        ([7, 1], [3.0, 1.0], 5),
    ],
)
def test_the_weight_that_is_said_is_the_least_that_works(sizes, weights, wanted):
    with pytest.raises(ConfigError, match=rf"sources\.0\.weight {wanted}$"):
        Mixture(sizes, weights, seed=0).steps_per_epoch(32)
    enough = [float(wanted), *weights[1:]]
    assert Mixture(sizes, enough, seed=0).steps_per_epoch(32) == 1
    with pytest.raises(ConfigError, match="an epoch has"):
        Mixture(sizes, [wanted - 1.0, *weights[1:]], seed=0).steps_per_epoch(32)
