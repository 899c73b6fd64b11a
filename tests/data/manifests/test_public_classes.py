"""The class lists that come with the package, against those they were copied from."""

from pathlib import Path

import pytest

from videomae2.data.manifests.class_names import read_class_names
from videomae2.data.manifests.public_classes import (
    KINETICS_RENAMES,
    PUBLIC_DATASETS,
    build_annotation_aliases,
    canonicalize_names,
    load_public_classes,
    lookup_public_dataset,
)

LABELS = Path("/work/shared/labels")
COUNTS = dict(zip(PUBLIC_DATASETS, (400, 600, 700, 710, 174, 174, 101, 51, 48, 339), strict=True))
here = pytest.mark.skipif(not LABELS.is_dir(), reason="the label lists are not on this machine")


@pytest.mark.parametrize("name", PUBLIC_DATASETS)
def test_every_list_has_its_count_and_no_name_twice(name):
    names = load_public_classes(name)
    assert len(names) == len(set(names)) == COUNTS[name]
    assert all(one and one == one.strip() for one in names)


def test_kinetics_stands_in_the_order_of_released_models():
    assert load_public_classes("kinetics-400")[:2] == ("abseiling", "air drumming")
    assert load_public_classes("kinetics-600")[:2] == ("feeding fish", "cosplaying")
    assert load_public_classes("kinetics-700")[:2] == ("counting money", "pouring wine")
    assert load_public_classes("kinetics-710")[:2] == ("riding a bike", "marching")


def test_a_name_of_a_set_stands_for_its_classes_where_names_are_read():
    assert read_class_names(Path("kinetics-400")) == load_public_classes("kinetics-400")
    assert [lookup_public_dataset(name) for name in (Path("ucf101"), "ucf-101")] == ["ucf101", None]


def test_the_annotations_of_kinetics_400_have_one_label_each():
    """The released list stands in the alphabetical order of the annotations' own names."""
    known, other = (
        load_public_classes("kinetics-400"),
        build_annotation_aliases(load_public_classes("kinetics-400")),
    )
    assert len(other) == len(KINETICS_RENAMES) - 1  # throwing ball is the name in the list
    own = {new: old for old, new in other.items()}
    names = [own.get(name, name) for name in known]
    assert names == sorted(names)
    assert canonicalize_names(known, names) == known


@pytest.mark.parametrize("name", PUBLIC_DATASETS)
def test_other_names_are_of_kinetics_alone_and_no_class_of_the_list(name):
    known = load_public_classes(name)
    other = build_annotation_aliases(known)
    assert set(other.values()) <= set(known)
    assert not set(other) & set(known)
    assert len(other) == (14 if name.startswith("kinetics") else 0)
    assert build_annotation_aliases(known[1:]) == {}


@here
@pytest.mark.parametrize("name", PUBLIC_DATASETS)
def test_the_lists_are_the_given_ones(name):
    given = (LABELS / f"{name}.txt").read_text().splitlines()
    assert list(load_public_classes(name)) == given
