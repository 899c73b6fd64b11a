"""What counts as standing at chance, and when it is said."""

from dataclasses import replace

import pytest

from tests.helpers.finetune_runs import class_folders, small_finetune
from tests.helpers.logs import logging_to
from videomae2.commands.train.advice.chance import ChanceCheck, find_chance, is_at_chance
from videomae2.commands.train.datasets import load_train_val_data
from videomae2.commands.train.finetune import finetune
from videomae2.training.loop import CallbackContext
from videomae2.training.metrics_buffer import LogWindow, StepRecord


@pytest.mark.parametrize(
    ("hits", "count", "chance", "expected"),
    [
        (50, 100, 0.5, True),
        (5, 100, 0.05, True),
        (0, 40, 0.05, True),
        (30, 100, 0.5, True),  # below chance is no better
        (70, 100, 0.5, False),
        (15, 100, 0.05, False),
        (3, 6, 0.5, False),  # of so few it cannot be told
        (0, 0, 0.5, False),
    ],
)
def test_chance_is_what_the_interval_leaves_open(hits, count, chance, expected):
    assert is_at_chance(hits, count, chance) == expected


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    return small_finetune(class_folders(folder), folder / "run")


def check_of(run, *, first_step=0, steps=90):
    check = ChanceCheck(run, load_train_val_data(run))
    check.attach(
        CallbackContext(
            task=None,
            ema=None,
            log_values=None,
            first_step=first_step,
            steps=steps,
            runtime=None,
            signals=None,
        )
    )
    return check


def log(check, steps, accuracy, *, every=10):
    for first in range(steps[0], steps[1], every):
        records = [
            StepRecord(step, 0.1, 16, 0, (), metrics={"accuracy": accuracy})
            for step in range(first, first + every)
        ]
        check.on_log(LogWindow(records, 1.0, 0.0))


@pytest.mark.parametrize(
    ("accuracy", "first_step", "stop", "count"),
    [
        (0.33, 0, 90, 1),
        (0.8, 0, 90, 0),
        (0.33, 0, 20, 0),  # a third is 30 steps
        (0.33, 30, 90, 0),  # said before it resumed
        (0.33, 20, 90, 1),
    ],
)
def test_training_at_chance_is_said_once_after_a_third(run, accuracy, first_step, stop, count):
    said = []
    with logging_to(said.append):
        log(check_of(run, first_step=first_step), (first_step, stop), accuracy)
    assert len(said) == count
    assert all("training stands at chance after" in line and "--optim.lr" in line for line in said)


@pytest.mark.parametrize(
    ("accuracy", "videos", "step", "count"),
    [(0.33, 300, 36, 1), (0.33, 300, 27, 0), (0.9, 300, 36, 0), (0.33, 3, 36, 0)],
)
def test_validation_at_chance_is_said_once_too(run, accuracy, videos, step, count):
    said, check = [], check_of(run)
    with logging_to(said.append):
        log(check, (0, 30), 0.9)
        for _ in range(2):
            check.see_validation(step, {"accuracy": accuracy, "loss": 1.0}, videos)
    assert len(said) == count
    assert all("validation stands at chance" in line for line in said)


def test_chance_is_the_share_of_the_largest_class(run):
    assert find_chance(load_train_val_data(run).train) == pytest.approx(1 / 3)


@pytest.mark.slow
def test_a_run_that_cannot_learn_says_so(run, tmp_path):
    """At a rate of nothing, with labels that differ in nothing that it could see so soon."""
    optim = replace(run.optim, lr=1e-12, min_lr=0.0, epochs=60.0)
    said = []
    with logging_to(said.append):
        finetune(replace(run, optim=optim, output_dir=tmp_path / "run"))
    assert sum("stands at chance" in line for line in said) == 1
