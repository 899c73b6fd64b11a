"""Step to learning rate."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.errors import ConfigError
from videomae2.training.optim import OptimConfig
from videomae2.training.schedules import CosineSchedule, count_steps, scale_lr

few = settings(max_examples=60)


def _released(peak, last, steps, warmup):
    """The array that the released code computes beforehand."""
    rates = np.linspace(0, peak, warmup)
    after = np.arange(steps - warmup)
    cosine = [last + 0.5 * (peak - last) * (1 + math.cos(math.pi * i / len(after))) for i in after]
    return np.concatenate((rates, cosine))


@few
@given(
    st.floats(1e-6, 1), st.floats(0, 1), st.integers(1, 200).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(0, n)))
)  # fmt: skip
def test_the_schedule_is_the_released_one(peak, share, steps):
    steps, warmup = steps
    schedule = CosineSchedule(peak=peak, final=share * peak, steps=steps, warmup_steps=warmup)
    got = [schedule(step) for step in range(steps)]
    np.testing.assert_allclose(got, _released(peak, share * peak, steps, warmup), rtol=1e-12)


@few
@given(st.integers(2, 200).flatmap(lambda n: st.tuples(st.just(n), st.integers(2, n))))
def test_it_rises_from_0_to_the_peak_and_falls_without_reaching_the_end(steps):
    steps, warmup = steps
    schedule = CosineSchedule(peak=1.0, final=0.1, steps=steps, warmup_steps=warmup)
    rates = [schedule(step) for step in range(steps)]
    assert rates[0] == 0
    assert rates[warmup - 1] == 1
    assert (np.diff(rates[:warmup]) > 0).all()
    assert (np.diff(rates[warmup:]) < 0).all()
    assert all(rate > 0.1 for rate in rates[warmup:])
    if warmup < steps:
        assert rates[warmup] == 1  # the peak stands twice, as in the released code


def test_warmups_of_no_and_of_one_step():
    assert CosineSchedule(peak=2.0, final=0.0, steps=4, warmup_steps=0)(0) == 2
    one = CosineSchedule(peak=2.0, final=0.0, steps=4, warmup_steps=1)
    assert (one(0), one(1)) == (0, 2)


def test_the_peak_of_the_giant_recipe():
    assert scale_lr(6e-4, 64 * 32) == pytest.approx(4.8e-3)
    assert scale_lr(1.5e-4, 8192) == pytest.approx(4.8e-3)  # the paper counts views


@pytest.mark.parametrize(
    ("lengths", "steps"),
    [
        ({"epochs": 3.0, "warmup_epochs": 0.5}, (30, 5)),
        ({"steps": 30, "warmup_steps": 5}, (30, 5)),
        ({"steps": 7, "warmup_epochs": 0.5}, (7, 5)),
        ({"epochs": 3.0, "warmup_steps": 30}, (30, 30)),
        ({"epochs": 0.01, "warmup_epochs": 0.0}, (1, 0)),
    ],
)
def test_a_length_is_said_in_epochs_or_in_steps(lengths, steps):
    assert count_steps(OptimConfig(lr=1.0, global_batch_size=2, **lengths), 10) == steps


@pytest.mark.parametrize(
    ("lengths", "said"),
    [
        ({"steps": 9, "warmup_epochs": 1.0}, r"10 steps \(--optim.warmup-epochs 1\), .* has 9 "),
        ({"epochs": 1.0, "warmup_steps": 11}, r"11 steps \(--optim.warmup-steps 11\), .* has 10 "),
        ({"warmup_steps": 1}, "--optim.steps is missing"),
        ({"steps": 1}, "--optim.warmup-steps is missing"),
    ],
)
def test_lengths_that_do_not_go_together_are_refused(lengths, said):
    with pytest.raises(ConfigError, match=said):
        count_steps(OptimConfig(lr=1.0, global_batch_size=2, **lengths), 10)
