"""The stride of a table of frame indices, which its key need not say.

It is looked for with the plain restatement of the released code, never with the package: else a
mistake of the package could pass as another stride.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from tests.reference import released_clips as released

Table = dict[str, Any]
"""A case in words and numbers: a clip, or several."""

USUAL = 4
"""Of the released code's scripts; said in the README beside the fixtures."""
_LARGEST = 64
_SAID = re.compile(r"stride (?:of )?(\d+)|(\d+) (?:frames? )?stride")
_CLIPS = re.compile(r"(\d+) clips?\b")

Restated = Callable[[str, list[int], int, int], Any]
_RESTATED: dict[str, Restated] = {
    "pretrain": lambda name, case, frames, stride: released.pretrain_frames(
        case[0], frames, stride, start=case[1]
    ),
    "validation_dense": lambda name, case, frames, stride: released.validation_frames(
        case[0], frames, stride
    ),
    "train_dense": lambda name, case, frames, stride: released.window_frames(
        frames, stride, stop=case[1]
    ),
    "test_dense": lambda name, case, frames, stride: released.clips_of_a_test(
        case[0], frames, stride, clips=clips_of(name)
    ),
}


def strides(tables: Mapping[str, Table]) -> dict[str, int]:
    """The stride of every table that has one.

    What a key says holds; else it is, of the strides that explain most of a table, the one that
    explains most tables of the file, then the usual one, then the smallest.

    Args:
        tables: All tables of a file, by their keys.
    """
    fitting = {}
    for name, table in tables.items():
        if _restated(name):
            with suppress(ValueError, IndexError, TypeError):  # no table: its own check says why
                fitting[name] = _fitting(name, table)
    votes = Counter(stride for some in fitting.values() for stride in some)
    return {
        name: max(some, key=lambda stride: (votes[stride], stride == USUAL, -stride))
        for name, some in fitting.items()
    }


def clips_of(name: str) -> int:
    """How many clips of each video a key says.

    Raises:
        ValueError: If it says none.
    """
    found = _CLIPS.search(name.replace("_", " "))
    if found is None:
        raise ValueError(f"no number of clips in the key '{name}'")
    return int(found[1])


def numbers(case: str) -> list[int]:
    """The numbers of a case, such as those of "300/236"."""
    return [int(part) for part in re.findall(r"\d+", case)]


def _restated(name: str) -> Restated | None:
    return next((make for word, make in _RESTATED.items() if word in name), None)


def _fitting(name: str, table: Table) -> list[int]:
    """The strides that give the most cases of a table."""
    if found := _SAID.search(name.replace("_", " ")):
        return [int(found[1] or found[2])]
    hits = {stride: _hits(name, table, stride) for stride in range(1, _LARGEST + 1)}
    most = max(hits.values())
    return [stride for stride, count in hits.items() if count == most]


def _hits(name: str, table: Table, stride: int) -> int:
    make = _restated(name)
    assert make is not None
    count = 0
    for case, values in table.items():
        want = np.array(values)
        got = np.array(make(name, numbers(case), want.shape[-1], stride))
        count += got.shape == want.shape and bool((got == want).all())
    return count
