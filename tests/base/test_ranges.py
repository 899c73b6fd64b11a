import math
from dataclasses import dataclass
from typing import Annotated

import pytest

from videomae2.base.ranges import BELOW_ONE, ONE_OR_MORE, POSITIVE, SHARE, find_range_errors


@dataclass(frozen=True)
class Source:
    weight: Annotated[float, POSITIVE] = 1.0


@dataclass(frozen=True)
class Config:
    sources: tuple[Source, ...] = ()
    scale: Annotated[tuple[float, float], SHARE] = (0.5, 1.0)
    num_workers: Annotated[int | None, ONE_OR_MORE] = None
    seed: int = -1


def test_what_lies_outside_is_said_by_its_flag():
    assert list(find_range_errors(Config())) == []
    config = Config(sources=(Source(), Source(0.0)), scale=(0.5, 1.5), num_workers=0)
    assert dict(find_range_errors(config)) == {
        "sources.1.weight": "--sources.1.weight 0.0 cannot work; it wants a number above 0",
        "scale": "--scale 0.5 1.5 cannot work; it wants a share from 0 to 1",
        "num_workers": "--num-workers 0 cannot work; it wants 1 or more",
    }


@pytest.mark.parametrize(("value", "inside"), [(0.0, True), (1.0, False), (math.nan, False)])
def test_ends_are_in_or_out(value, inside):
    assert BELOW_ONE.contains(value) == inside
    assert not POSITIVE.contains(math.inf)
