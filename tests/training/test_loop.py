import os
import signal

import pytest
import torch

from tests.helpers.logs import logging_to
from tests.helpers.toy_training import Fit, Recorder, clips, optimizer, parts, plan, settings
from videomae2.base.signals import SignalHandler
from videomae2.errors import CheckpointError, Interrupted, NonFiniteLossError
from videomae2.training.ema import EMA
from videomae2.training.loop import fit
from videomae2.training.prefetch import MicroBatch


def run(task, steps, *, first=0, opt=None, bad=(), supply=None, save=None, mean=None, **changed):
    recorder, saved = Recorder(), []
    fit(
        task,
        opt or optimizer(task),
        supply or parts(first, steps, bad=bad),
        plan(steps, **changed),
        first_step=first,
        callbacks=(recorder,),
        save=save or saved.append,
        ema=mean,
        **settings(),
    )
    return recorder.records, saved


def test_every_step_is_reported_once_and_the_last_one_saved():
    records, saved = run(Fit(), 10, checkpoint_interval=4)
    assert [r.step for r in records] == list(range(10))
    assert saved == [4, 8, 10]


def test_a_run_in_two_halves_equals_one_to_the_bit():
    whole, _ = run(Fit(), 8)
    task = Fit()
    opt = optimizer(task)
    first, _ = run(task, 4, opt=opt)
    second, _ = run(task, 8, first=4, opt=opt)
    assert [r.loss for r in first + second] == [r.loss for r in whole]


def test_parts_of_a_step_add_up_to_the_whole_step():
    whole, halves = Fit(), Fit()
    supply = iter([MicroBatch(clips(10), ["a"]), MicroBatch(clips(90), ["b"])])
    records, _ = run(halves, 1, supply=supply, gradient_accumulation_steps=2)
    assert records[0].num_clips == 4
    assert records[0].metrics["wanted"] == pytest.approx(50 / 255)
    run(whole, 1, supply=iter([MicroBatch(clips(50), ["c"])]))
    assert torch.isfinite(halves.weight).all()
    assert not torch.equal(halves.weight, Fit().weight)


def test_a_step_without_a_finite_loss_moves_nothing_and_names_its_videos():
    task = Fit()
    before = []
    records, _ = run(
        task,
        4,
        bad=(2,),
        checkpoint_interval=1,
        save=lambda _: before.append(task.weight.detach().clone()),
    )
    assert torch.equal(before[1], before[2])
    assert not torch.equal(before[2], before[3])
    assert [r.skipped for r in records] == [False, False, True, False]
    assert records[2].samples == ("video-2",)
    assert records[1].samples == ()


def test_too_many_such_steps_in_a_row_stop_the_run():
    with pytest.raises(NonFiniteLossError, match=r"3 steps in a row .* video-4, video-5, video-6"):
        run(Fit(), 20, bad=(4, 5, 6, 7))


def test_bad_steps_that_are_not_in_a_row_do_not():
    records, _ = run(Fit(), 9, bad=(1, 2, 4, 5, 7, 8))
    assert sum(r.skipped for r in records) == 6


def test_weight_decay_scale_and_rate_reach_the_groups():
    task = Fit()
    opt = optimizer(task)
    opt.param_groups[0]["lr_scale"] = 0.5
    run(task, 1, opt=opt)
    assert opt.param_groups[0]["lr"] == pytest.approx(0.05)


def test_clipping_limits_the_gradient():
    records, _ = run(Fit(), 1, clip_norm=1e-3)
    assert records[0].grad_norm > 1e-3  # the norm that is reported is the one before


def test_the_running_mean_follows_the_weights():
    task = Fit()
    start = task.weight.detach().clone()
    mean = EMA(task, 0.5)
    run(task, 1, mean=mean)
    assert torch.allclose(mean.values["weight"], (start + task.weight.detach()) / 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_saves_and_raises(number):
    task, saved = Fit(), []

    def supply():
        for part in parts(0, 50):
            if part.samples == ["video-5"]:  # while this one is waited for
                os.kill(os.getpid(), number)
            yield part

    with (
        SignalHandler() as signals,
        pytest.raises(Interrupted, match=rf"{number.name}; saved at step 5"),
    ):
        fit(
            task,
            optimizer(task),
            supply(),
            plan(50),
            first_step=0,
            save=saved.append,
            **{**settings(), "signals": signals},
        )
    assert saved == [5]


def stopped_in(step, part, *, save, accumulate, **changed):
    """Train until a signal comes while a part of a step is fetched."""
    task = Fit()

    def supply():
        for number, taken in enumerate(parts(0, 50)):
            if number == step * accumulate + part:
                os.kill(os.getpid(), signal.SIGTERM)
            yield taken

    with SignalHandler() as signals:
        fit(
            task,
            optimizer(task),
            supply(),
            plan(10, gradient_accumulation_steps=accumulate, **changed),
            first_step=0,
            save=lambda done: save(done, task.weight.detach().clone()),
            **{**settings(), "signals": signals},
        )


def test_a_step_of_many_parts_is_abandoned_and_the_last_whole_one_saved():
    saved, whole = {}, {}
    with pytest.raises(Interrupted, match="saved at step 2"):
        stopped_in(2, 1, accumulate=4, save=saved.__setitem__)
    task = Fit()
    run(
        task,
        10,
        supply=parts(0, 50),
        gradient_accumulation_steps=4,
        checkpoint_interval=1,
        save=lambda done: whole.setdefault(done, task.weight.detach().clone()),
    )
    assert list(saved) == [2]
    assert torch.equal(saved[2], whole[2])


def test_a_stop_within_the_first_step_has_nothing_to_save():
    with pytest.raises(Interrupted, match="the first step was not done yet"):
        stopped_in(0, 1, accumulate=4, save=lambda *_: pytest.fail("nothing to save"))


def test_a_stop_that_cannot_save_says_so_instead():
    def full(done, weight):
        raise CheckpointError("cannot save: no room (a resume would now start at step 1)")

    with pytest.raises(CheckpointError, match=r"by SIGTERM, but cannot save: .* start at step 1"):
        stopped_in(2, 0, accumulate=1, save=full)


def test_a_stop_that_cannot_save_is_no_failure_where_something_is_saved():
    def full_later(done, weight):
        if done > 1:
            raise CheckpointError("cannot save: no room (a resume would now start at step 1)")

    with pytest.raises(Interrupted, match=r"by SIGTERM, but cannot save: .* start at step 1"):
        stopped_in(2, 0, accumulate=1, save=full_later, checkpoint_interval=1)


def test_who_was_asked_to_stop_before_begins_no_step():
    task = Fit()
    with SignalHandler() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        for first, words in ((0, "the first step was not done yet"), (4, "saved at step 4")):
            with pytest.raises(Interrupted, match=f"SIGTERM; {words}"):
                fit(
                    task,
                    optimizer(task),
                    iter(()),
                    plan(10),
                    first_step=first,
                    save=lambda _: pytest.fail("nothing to save"),
                    **{**settings(), "signals": signals},
                )


def test_a_failed_save_within_a_run_is_said_and_tried_again():
    said, saved = [], []

    def first_fails(done):
        saved.append(done)
        if done == 2:
            raise CheckpointError("no room")

    task = Fit()
    with logging_to(said.append):
        fit(
            task,
            optimizer(task),
            parts(0, 5),
            plan(5, checkpoint_interval=2),
            first_step=0,
            save=first_fails,
            **settings(),
        )
        assert saved == [2, 4, 5]
    assert said == ["no room; training goes on, the next try is at the next save"]


def test_a_run_in_which_no_step_counted_is_an_error():
    saved = []
    with pytest.raises(NonFiniteLossError, match=r"nothing was learnt: 2 steps .* video-0, "):
        run(Fit(), 2, bad=(0, 1), save=saved.append)
    assert saved == []


def test_a_run_that_learnt_before_it_was_stopped_may_end_badly():
    task = Fit()
    opt = optimizer(task)
    run(task, 2, opt=opt)
    assert run(task, 4, first=2, opt=opt, bad=(2, 3))[1] == [4]


@pytest.mark.parametrize(("steps", "bad"), [(4, (1, 2, 3)), (9, (2, 6, 7, 8)), (12, range(7, 12))])
def test_weights_that_give_no_finite_loss_at_the_end_are_no_result(steps, bad):
    saved = []
    words = rf"are of no use: {steps - max(set(range(steps)) - set(bad)) - 1} steps in a row .*lr"
    with pytest.raises(NonFiniteLossError, match=words):
        run(Fit(), steps, bad=tuple(bad), save=saved.append, max_nonfinite_steps=20)
    assert saved == []


@pytest.mark.parametrize("bad", [(5,), (4, 5), (0, 1, 2, 5)])
def test_one_or_two_bad_steps_at_the_end_are_said(bad):
    said = []
    with logging_to(said.append):
        assert run(Fit(), 6, bad=bad, max_nonfinite_steps=20)[1] == [6]
    assert [line.startswith("the run ends with ") for line in said] == [True]


def test_sigusr1_saves_and_goes_on():
    task, saved = Fit(), []

    def supply():
        for part in parts(0, 8):
            if part.samples == ["video-2"]:
                os.kill(os.getpid(), signal.SIGUSR1)
            yield part

    with SignalHandler() as signals:
        fit(
            task,
            optimizer(task),
            supply(),
            plan(8),
            first_step=0,
            save=saved.append,
            **{**settings(), "signals": signals},
        )
    assert saved == [3, 8]
