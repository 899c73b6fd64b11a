"""How often videos are seen, and from where on that is said to be too little."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.pretrain_runs import small_run
from videomae2.commands.train.advice.exposure import (
    count_passes,
    describe_exposure,
    find_exposure_problem,
)
from videomae2.data.loading.mixture import Mixture

MIXTURES = {
    "one": Mixture([100], [1.0], seed=0),
    "weighted": Mixture([100, 400], [1.0, 0.25], seed=0),
}


def run_of(views=1, batch=10):
    run = small_run(Path("videos"), Path("run"))
    optim = replace(run.optim, global_batch_size=batch, micro_batch_size=None)
    return replace(run, data=replace(run.data, views=views), optim=optim)


@pytest.mark.parametrize(
    ("mixture", "steps", "views", "said"),
    [
        ("one", 10, 1, "each video is taken once"),
        ("one", 25, 1, "each video is taken 2.5 times"),
        ("one", 1000, 4, "each video is taken 100 times, 4 views each time"),
        ("weighted", 1000, 1, "each video is taken 12 to 50 times, by source"),
    ],
)
def test_passes_are_counted_for_each_source(mixture, steps, views, said):
    run = run_of(views)
    assert describe_exposure(run, count_passes(run, MIXTURES[mixture], steps)) == said


@pytest.mark.parametrize(
    ("mixture", "steps", "views", "hint"),
    [
        ("one", 499, 1, 28800),  # of 10 clips: as many as 9,000 of 32
        ("one", 120, 4, 7200),
        ("weighted", 100, 1, 28800),
        ("one", 500, 1, None),
        ("one", 125, 4, None),
    ],
)
def test_too_few_views_are_said_with_steps_that_would_do(mixture, steps, views, hint):
    run = run_of(views)
    passes = count_passes(run, MIXTURES[mixture], steps)
    found = find_exposure_problem(run, passes, steps)
    assert (found is None) if hint is None else found.endswith(f"--optim.steps {hint} would do")


def test_many_videos_want_more_steps_than_few():
    run, mixture = run_of(batch=32), Mixture([1_000_000], [1.0], seed=0)
    passes = count_passes(run, mixture, 9000)
    assert find_exposure_problem(run, passes, 9000).endswith("--optim.steps 1562500 would do")
