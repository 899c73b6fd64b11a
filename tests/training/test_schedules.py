"""Step to learning rate."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.training.schedules import CosineSchedule, scale_lr

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
