"""Every test finds arrays of wrong shapes, in its first calls of each function."""

import pytest
import torch
from jaxtyping import TypeCheckError

from tests.helpers.shape_checks import FIRST_CALLS
from videomae2.tensors.rng_torch import uniform

WRONG = torch.zeros(2, 4, dtype=torch.int64)  # keys are a vector


@pytest.mark.parametrize("time", ["first", "second"])
def test_a_wrong_shape_is_found_in_every_test(time):
    with pytest.raises(TypeCheckError, match="uniform"):
        uniform(WRONG, 4)


def test_later_calls_are_not_looked_at():
    for _ in range(FIRST_CALLS):
        uniform(torch.arange(2), 4)
    assert uniform(WRONG, 4).shape != (2, 4)
