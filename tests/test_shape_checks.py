"""Every test finds arrays of wrong shapes, in its first calls of each function."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from tests.helpers.shape_checks import FIRST_CALLS
from videomae2.tensors.rng_torch import uniform

WRONG = torch.zeros(2, 4, dtype=torch.int64)  # keys are a vector


@pytest.mark.parametrize("time", ["first", "second"])
def test_a_wrong_shape_is_found_in_every_test(time):
    with pytest.raises(TypeCheckError, match="uniform"):
        uniform(WRONG, 4)


@given(st.just(5))
def test_a_property_test_checks_every_call(number):
    for _ in range(FIRST_CALLS):
        uniform(torch.arange(number), 4)
    with pytest.raises(TypeCheckError, match="uniform"):
        uniform(WRONG, 4)


def test_later_calls_are_not_looked_at():
    for _ in range(FIRST_CALLS):
        uniform(torch.arange(2), 4)
    assert uniform(WRONG, 4).shape != (2, 4)


@pytest.fixture(scope="module")
def found_in_fixture():
    with pytest.raises(TypeCheckError, match="uniform"):
        uniform(WRONG, 4)
    return True


def test_a_fixture_of_the_module_is_checked_though_the_last_test_called_often(found_in_fixture):
    assert found_in_fixture
