"""No video is on both sides: windows, groups that share videos, other spellings, several lists."""

import os

import numpy as np
import pytest

from videomae2.data.manifests.read import read_manifest
from videomae2.data.splits.units import describe_joined, list_units, with_units
from videomae2.data.splits.validation import validation_split
from videomae2.inference.probe_data import ProbeListConfig, load_train_test


def read(path, rows, **options):
    path.parent.mkdir(exist_ok=True, parents=True)
    text = "path,label,person,start_seconds,stop_seconds\n"
    path.write_text(text + "".join(f"{row}\n" for row in rows))
    return read_manifest(path, labels="required", check_some_exist=False, **options)


def both_sides(manifests, masks):
    """The files that are on both sides."""
    sides = {False: set(), True: set()}
    for manifest, mask in zip(manifests, masks, strict=True):
        for entry, held_out in zip(manifest, mask.tolist(), strict=True):
            sides[held_out].add(os.path.realpath(entry.path))
    assert sides[True]
    return sides[False] & sides[True]


def split(manifests, share=0.3, seed=0):
    return validation_split(manifests, [m.labels for m in manifests], share, seed=seed)


def two_windows(names, person=lambda n, w: f"p{n}_{w}"):
    return [
        f"{name},c{n % 2},{person(n, w)},{w},{w + 1}"
        for n, pair in enumerate(names) for w, name in enumerate(pair)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("person", "count"),
    [
        (lambda n, w: f"p{n}_{w}", 16),  # another one in each window
        (lambda n, w: f"p{n + w}" if w or n % 4 else "p0", 2),  # chains
        (lambda n, w: f"w{w}{n // 4}", 4),  # one of each of four videos
    ],
)
def test_groups_that_share_a_video_are_one(tmp_path, person, count, seed):
    rows = two_windows([(f"v{n}.mp4", f"v{n}.mp4") for n in range(16)], person)
    manifest = read(tmp_path / "list.csv", rows, groups="person")
    (units,) = list_units([manifest])
    assert len(set(units)) <= count < len(set(manifest.groups))
    assert f"so that {len(set(units))} are left to part" in describe_joined([manifest])
    if len(set(units)) > 4:
        assert not both_sides([manifest], split([manifest], seed=seed))


@pytest.mark.parametrize(
    "spell",
    [
        lambda root, name: f"./sub//{name}",
        lambda root, name: f"sub/../sub/./{name}",
        lambda root, name: f"{root}/sub/{name}",
        lambda root, name: f"link/{name}",
        lambda root, name: f"file://{root}/sub/{name}",
    ],
)
@pytest.mark.parametrize("groups", [None, "person"])
def test_a_file_in_two_spellings_is_one(tmp_path, spell, groups):
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to("sub")
    names = [f"v{n}.mp4" for n in range(12)]
    for name in names:
        (tmp_path / "sub" / name).touch()
    rows = two_windows([(f"sub/{name}", spell(tmp_path, name)) for name in names])
    manifest = read(tmp_path / "list.csv", rows, groups=groups, root=tmp_path)
    assert not both_sides([manifest], split([manifest]))


@pytest.mark.parametrize("groups", [None, "person"])
def test_a_video_or_group_of_two_lists_is_on_one_side(tmp_path, groups):
    rows = two_windows([(f"v{n}.mp4", f"v{n}.mp4") for n in range(12)], lambda n, w: f"p{n}")
    roots = [tmp_path, tmp_path / "other"]
    lists = [
        read(tmp_path / f"{w}.csv", rows[w::2], groups=groups, root=roots[w if groups else 0])
        for w in (0, 1)
    ]
    masks = split(lists)
    assert masks[0].any()
    assert np.array_equal(masks[0], masks[1])


def test_files_of_one_name_in_two_folders_are_two(tmp_path):
    rows = [f"v{n}.mp4,c,p,," for n in range(4)]
    lists = [read(tmp_path / folder / "list.csv", rows) for folder in "ab"]
    units = list_units(lists)
    assert len({*units[0], *units[1]}) == 8
    assert units[0] == lists[0].paths


def test_a_list_without_repeats_has_no_units(tmp_path):
    plain = read(tmp_path / "list.csv", [f"v{n}.mp4,c,p,," for n in range(4)])
    assert with_units(plain).groups is None
    assert describe_joined([plain]) == ""
    twice = read(tmp_path / "list.csv", [f"v{n % 2}.mp4,c,p,{n},{n + 1}" for n in range(4)])
    assert with_units(twice).groups == ["v0.mp4", "v1.mp4", "v0.mp4", "v1.mp4"]


@pytest.mark.parametrize("groups", [None, "person"])
@pytest.mark.parametrize("max_videos", [None, 16])
def test_probes_part_no_video(tmp_path, groups, max_videos):
    rows = two_windows([(f"v{n}.mp4", f"./v{n}.mp4") for n in range(12)])
    read(tmp_path / "list.csv", rows)
    config = ProbeListConfig(groups=groups, root=tmp_path)
    for n in range(12):
        (tmp_path / f"v{n}.mp4").touch()
    data = load_train_test(tmp_path / "list.csv", None, config, seed=1, max_videos=max_videos)
    sides = [{os.path.normpath(data.train.paths[row]) for row in rows}
             for rows in (data.train_rows, data.test_rows)]  # fmt: skip
    assert all(sides)
    assert not sides[0] & sides[1]
    assert data.train.groups is not None
