"""The class lists that come with the package, against those they were copied from."""

from pathlib import Path

import pytest

from videomae2.data.class_names import read_class_names
from videomae2.data.known_classes import (
    KNOWN,
    RENAMES,
    as_known,
    called_as_in,
    known_classes,
    other_names,
)

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


def test_a_name_of_a_set_stands_for_its_classes_where_names_are_read():
    assert read_class_names(Path("kinetics-400")) == known_classes("kinetics-400")
    assert [as_known(name) for name in (Path("ucf101"), "ucf-101")] == ["ucf101", None]


def test_the_annotations_of_kinetics_400_have_one_label_each():
    """The released list stands in the alphabetical order of the annotations' own names."""
    known, other = known_classes("kinetics-400"), other_names(known_classes("kinetics-400"))
    assert len(other) == len(RENAMES) - 1  # throwing ball is the name in the list
    own = {new: old for old, new in other.items()}
    names = [own.get(name, name) for name in known]
    assert names == sorted(names)
    assert called_as_in(known, names) == known


@pytest.mark.parametrize("name", KNOWN)
def test_other_names_are_of_kinetics_alone_and_no_class_of_the_list(name):
    known = known_classes(name)
    other = other_names(known)
    assert set(other.values()) <= set(known)
    assert not set(other) & set(known)
    assert len(other) == (14 if name.startswith("kinetics") else 0)
    assert other_names(known[1:]) == {}


@here
@pytest.mark.parametrize("name", KNOWN)
def test_the_lists_are_the_given_ones(name):
    given = (LABELS / f"{name}.txt").read_text().splitlines()
    assert list(known_classes(name)) == given
