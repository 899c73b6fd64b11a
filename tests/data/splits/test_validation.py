"""Held-out shares and few-shot subsets: by class, by group, the same wherever the list lies."""

import os
import random
import signal
import subprocess
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videomae2.base.signals import SignalHandler
from videomae2.data.manifests.read import read_manifest
from videomae2.data.splits.groups import group_by_path
from videomae2.data.splits.validation import explain_no_split, limit_per_class, validation_split
from videomae2.errors import Interrupted, ManifestError


def read(tmp_path, rows, **options):
    path = tmp_path / "list.csv"
    path.write_text("path,label,person,first,frames\n" + "".join(f"{row}\n" for row in rows))
    return read_manifest(path, labels="required", check_some_exist=False, **options)


def hold_out(manifest, share, seed):
    return validation_split([manifest], [manifest.labels], share, seed=seed)[0]


def sides(manifest, held_out):
    names = manifest.groups or manifest.paths
    return [
        {name for name, out in zip(names, held_out, strict=True) if out == side}
        for side in (False, True)
    ]


@given(st.integers(3, 12), st.integers(1, 4), st.sampled_from([0.1, 0.2, 0.5]), st.integers(0, 3))
def test_a_group_is_on_one_side(tmp_path_factory, people, classes, share, seed):
    rows = [
        f"{label}/{person}_{n}.mp4,c{label},p{person},,"
        for person in range(people) for label in range(classes) for n in range(2)
    ]  # fmt: skip
    manifest = read(tmp_path_factory.mktemp("lists"), rows, groups="person")
    held_out = hold_out(manifest, share, seed)
    train, val = sides(manifest, held_out)
    assert not train & val
    assert len(val) == min(people - 1, max(1, round(share * people)))
    for label in range(classes):
        assert 0 < held_out[manifest.labels == label].sum() < (manifest.labels == label).sum()


@pytest.mark.parametrize("rare", range(6))
def test_a_rare_class_stays_in_training(tmp_path, rare):
    rows = [
        f"rec{i}.mp4,{'sit' if s % 2 else 'walk'},p,{60 * s},60" for i in range(6) for s in range(4)
    ]
    rows += [f"rec{rare}.mp4,fall,p,240,30", f"rec{rare}.mp4,fall,p,270,30"]
    manifest = read(tmp_path, rows)
    held_out = hold_out(manifest, 0.2, 0)
    assert held_out.any()
    fall = manifest.class_names.index("fall")
    assert not held_out[manifest.labels == fall].any()


def test_the_order_and_the_place_of_a_list_do_not_matter(tmp_path):
    rows = [f"{n}.mp4,c{n % 3},p{n % 7},," for n in range(60)]
    shuffled = random.Random(0).sample(rows, len(rows))
    chosen = []
    for number, lines in enumerate((rows, shuffled)):
        folder = tmp_path / str(number)
        folder.mkdir()
        manifest = read(folder, lines, groups="person")
        mask = hold_out(manifest, 0.2, 5)
        few = limit_per_class([manifest], [manifest.labels], 3, seed=5)[0]
        chosen.append(
            [{p for p, m in zip(manifest.paths, ms, strict=True) if m} for ms in (mask, few)]
        )
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize(
    ("rule", "groups"),
    [
        ("folder", ["a/x", "a/x", "b"]),
        ("person", ["p0", "p1", "p2"]),
        ("PERSON", ["p0", "p1", "p2"]),
        ("(rec[0-9]+)_", ["rec0", "rec0", "rec1"]),
        ("rec[0-9]+", ["rec0", "rec0", "rec1"]),
    ],
)
def test_groups_are_a_column_the_folder_or_a_pattern(tmp_path, rule, groups):
    paths = ["a/x/rec0_1.mp4", "a/x/rec0_2.mp4", "b/rec1_1.mp4"]
    manifest = read(tmp_path, [f"{path},c,p{n},," for n, path in enumerate(paths)], groups=rule)
    assert manifest.groups == groups
    assert manifest.take(np.array([2, 0])).groups == [groups[2], groups[0]]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [("(person", "nor a regular"), ("person_([0-9]+)", "finds nothing in a.mp4")],
)
def test_groups_that_cannot_be_found_are_refused(tmp_path, rule, problem):
    with pytest.raises(ManifestError, match=problem):
        read(tmp_path, ["a.mp4,c,p0,,"], groups=rule)


def test_several_parentheses_are_one_group():
    names = group_by_path(["a1-b1", "a1-b2", "a11-b"], "(a[0-9]+)-(b[0-9]*)")
    assert len(set(names)) == 3


@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 3))
def test_few_of_each_class_are_taken_of_each_group_evenly(tmp_path_factory, count, people, classes):
    rows = [
        f"{label}/{person}_{n}.mp4,c{label},p{person},,"
        for person in range(people) for label in range(classes) for n in range(3)
    ]  # fmt: skip
    manifest = read(tmp_path_factory.mktemp("lists"), rows, groups="person")
    (chosen,) = limit_per_class([manifest], [manifest.labels], count, seed=1)
    for label in range(classes):
        rows_of_class = chosen & (manifest.labels == label)
        assert rows_of_class.sum() == min(count, 3 * people)
        taken = [sum(g == f"p{p}" for g, c in zip(manifest.groups, rows_of_class, strict=True) if c)
                 for p in range(people)]  # fmt: skip
        assert max(taken) - min(taken) <= 1


def test_few_are_taken_over_all_lists(tmp_path):
    manifests = [read(tmp_path, [f"{s}{n}.mp4,c,p{n},," for n in range(4)]) for s in "ab"]
    chosen = limit_per_class(manifests, [m.labels for m in manifests], 5, seed=0)
    assert sum(mask.sum() for mask in chosen) == 5


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([f"{n}.mp4,c{n % 3},one,," for n in range(12)], "person"),
        ([f"{n}.mp4,c{n % 3},p{n % 3},," for n in range(12)], "person"),
        ([f"{n}.mp4,c{n % 3},p{n % 2},," for n in range(12)], "person"),
        ([f"{n % 3}/{n}.mp4,c{n % 3},p{n},," for n in range(12)], "folder"),
        ([f"rec1_{n}.mp4,c{n % 3},p{n},," for n in range(12)], "(rec[0-9]+)_"),
    ],
)
def test_groups_are_named_where_they_leave_nothing_to_hold_out(tmp_path, rows, rule):
    manifest = read(tmp_path, rows, groups=rule)
    assert not hold_out(manifest, 0.2, 0).any()
    said = explain_no_split([manifest])
    assert f"held out of {len(set(manifest.groups))} group" in said
    assert "--labels.groups says that no group is parted" in said


def test_few_videos_are_named_where_they_leave_nothing_to_hold_out(tmp_path):
    said = explain_no_split([read(tmp_path, ["a.mp4,x,,,", "b.mp4,y,,,"])])
    assert "nothing can be held out of 2 videos: a class gives one where it is in 3" in said
    assert "groups" not in said


@pytest.mark.parametrize("listens", [False, True])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("rule", ["((a+)+)Z", "(a|a)*Z", "(a*a*)*Z"])
def test_a_search_without_end_is_stopped_by_a_signal(rule, number, listens):
    with SignalHandler() if listens else nullcontext():
        # of another process, for no other thread runs while Python searches
        kill = ["sh", "-c", f"sleep 0.2; kill -{number} {os.getpid()}"]
        with (
            subprocess.Popen(kill),
            pytest.raises(Interrupted, match=f"asked to stop by {number.name}"),
        ):
            group_by_path(["a" * 60], rule)
