"""The class lists that come with the package, against those they were copied from."""

import json
from pathlib import Path

import pytest

from videomae2.data.known_classes import KNOWN, known_classes, rows_in

LABELS = Path("/work/shared/labels")
COUNTS = dict(zip(KNOWN, (400, 600, 700, 710, 174, 174, 101, 51, 48, 339), strict=True))
here = pytest.mark.skipif(not LABELS.is_dir(), reason="the label lists are not on this machine")


@pytest.mark.parametrize("name", KNOWN)
def test_every_list_has_its_count_and_no_name_twice(name):
    names = known_classes(name)
    assert len(names) == len(set(names)) == COUNTS[name]
    assert all(one and one == one.strip() for one in names)


def test_kinetics_stands_in_the_order_of_released_models():
    assert known_classes("kinetics-400")[:2] == ("abseiling", "air drumming")
    assert known_classes("kinetics-600")[:2] == ("feeding fish", "cosplaying")
    assert known_classes("kinetics-700")[:2] == ("counting money", "pouring wine")
    assert known_classes("kinetics-710")[:2] == ("riding a bike", "marching")


def test_rows_of_the_large_head():
    large = known_classes("kinetics-710")
    rows = [rows_in(large, known_classes(f"kinetics-{n}")) for n in (400, 600, 700)]
    assert rows[0][:5] == [341, 158, 189, 16, 398]
    assert rows[1][:5] == [121, 562, 518, 124, 188]
    assert rows[2][:5] == [363, 481, 594, 215, 295]
    assert set().union(*rows) == set(range(710))


def test_a_class_that_is_missing_is_named():
    with pytest.raises(ValueError, match="1 of 2 classes are not among 2: 'c'"):
        rows_in(("a", "b"), ("b", "c"))


@here
@pytest.mark.parametrize("name", KNOWN)
def test_the_lists_are_the_given_ones(name):
    given = (LABELS / f"{name}.txt").read_text().splitlines()
    assert list(known_classes(name)) == given


@here
@pytest.mark.parametrize("small", [400, 600, 700])
def test_the_rows_are_the_released_ones(small):
    released = json.loads((LABELS / f"label_710to{small}.json").read_text())
    assert rows_in(known_classes("kinetics-710"), known_classes(f"kinetics-{small}")) == released
