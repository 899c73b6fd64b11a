"""Interrupting any stage anywhere and running again gives what an undisturbed run gives."""

import os
import signal

import pytest

from tests.helpers.logs import stop_at_step, watching_jobs
from tests.helpers.pipelines import TEXT, left_behind, run, run_to_the_end
from tests.helpers.pretrain_runs import stop_after
from videomae2.errors import Interrupted


def stop_at(words):
    """Something to say lines to, which asks once to stop at a line that starts with some words."""
    left = [words]

    def say(line):
        if left and line.strip().startswith(left[0]):
            left.clear()
            os.kill(os.getpid(), signal.SIGTERM)

    return say


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("lines", "stops"),
    [
        (3, 1 + 1 + 1),
        pytest.param(2, 2 + 1 + 2, marks=SLOW),
        pytest.param(1, 4 + 3 + 4, marks=SLOW),
    ],
)
def test_stopped_again_and_again_it_ends_as_if_undisturbed(finished, place, lines, stops):
    assert run_to_the_end(say=lambda: stop_after(lines, signal.SIGTERM)) == stops
    assert left_behind(place / "runs") == left_behind(finished / "runs")


@pytest.mark.parametrize(
    "words",
    [
        "best ",
        "== stage 2",
        *(
            pytest.param(w, marks=SLOW)
            for w in ("== stage 1", "start ", "done     post", "val at ")
        ),
    ],
)
def test_stopped_between_steps_it_ends_as_if_undisturbed(finished, copy, words):
    stage = "post" if "post" in words or "2" in words else "tuned"
    stage = "pretrained" if words.endswith("1") else stage
    (copy / "runs" / stage).rename(copy / "gone")
    say = stop_at(words)
    with pytest.raises(Interrupted, match="asked to stop by SIGTERM"):
        run(say=say)
    run(say=say)
    assert left_behind(copy / "runs") == left_behind(finished / "runs")


def test_stopped_while_it_evaluates_it_gives_the_same_numbers(copy):
    """After every batch, until nothing is left."""
    text = TEXT.replace("n_resamples: 100", "n_resamples: 100\n      batch_size: 1")
    (copy / "runs/judged").rename(copy / "gone")
    run(text)
    undisturbed, numbers = left_behind(copy / "runs"), run(text)["judged"].output.metrics
    (copy / "runs/judged").rename(copy / "gone too")
    for done in (1, 2):
        stop, message = stop_at_step("evaluate", done), "stage judged: stopped by SIGTERM with"
        with pytest.raises(Interrupted, match=message), watching_jobs(stop):
            run(text)
    assert run(text)["judged"].action == "resume"
    assert left_behind(copy / "runs") == undisturbed
    assert run(text)["judged"].output.metrics == numbers


def test_afterwards_signals_do_what_they_did(place):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted):
        run(say=stop_at("== stage 1"))
    assert signal.getsignal(signal.SIGTERM) is before
