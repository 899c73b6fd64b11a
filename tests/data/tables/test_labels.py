"""Labels that may mean something else than they say are one question, asked."""

import json
import os

import pytest

from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError


def read(folder, cells, header="path,label", **options):
    """A table of a file for each of the cells."""
    rows = []
    for number, cell in enumerate(cells):
        (folder / f"{number}.mp4").touch()
        quoted = cell if "," in header.partition(",")[2] else json.dumps(cell, ensure_ascii=False)
        rows.append(f"{number}.mp4,{quoted}")
    (folder / "list.csv").write_text("\n".join([header, *rows]))
    return read_manifest(folder / "list.csv", **{"labels": "required", **options})


@pytest.mark.parametrize(
    ("name", "difference"),
    [
        ("walk\u200b", "characters that are not shown"),
        ("\ufeffwalk", "characters that are not shown"),
        ("wa\u00adlk", "characters that are not shown"),
        ("\uff57\uff41\uff4c\uff4b", "how their letters are encoded"),
        ("walk\u00a0", "how their letters are encoded and blanks"),
        ("Walk\u200d", "characters that are not shown and case"),
    ],
)
def test_names_that_look_alike_are_asked_for(tmp_path, name, difference):
    with pytest.raises(ManifestError, match=f"differ only in {difference}: one class or"):
        read(tmp_path, [name, "walk", "sit"])
    assert len(read(tmp_path, [name, "walk", "sit"], spelling="same").class_names) == 2
    assert len(read(tmp_path, [name, "walk", "sit"], spelling="distinct").class_names) == 3


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        (["walk;sit", "sit", "walk"], 2),
        (["sit", "walk|sit"], 3),
        (["sit", "walk", "walk, sit"], 4),
        (["a;b;c", "c"], 2),
    ],
)
def test_several_names_in_a_cell_are_no_class_where_the_rows_beside_say_so(tmp_path, cells, line):
    with pytest.raises(ManifestError, match=rf"csv:{line}: label is .* looks like a list of"):
        read(tmp_path, cells)


@pytest.mark.parametrize(
    "cells", [["putting x, y and z", "x"], ["a;b", "c;d"], ["yes, but", "no"], ["|", "a"]]
)
def test_other_names_with_separators_are_names(tmp_path, cells):
    assert read(tmp_path, cells).class_names == tuple(sorted(cells))
    assert read(tmp_path, ["x;y", "x"], class_names=("x", "x;y")).labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("header", "cells", "options"),
    [
        ("path,label", ["1", "2", "1"], {}),
        ("path,label", ["3.0", "2.0"], {}),
        ("path,label,class_name", ["1,x", "2,y"], {}),
        ("path,label", ["1", "2"], {"class_names": ("x", "y", "z")}),
    ],
)
def test_numbers_from_1_are_noticed(tmp_path, header, cells, options):
    (warning,) = read(tmp_path, cells, header, **options).warnings
    assert "no video has label 0" in warning
    assert "say first_label 1" in warning
    assert read(tmp_path, ["0", "1"]).warnings == ()
    assert read(tmp_path, cells, header, first_label=1, **options).warnings == ()


def test_numbers_far_beyond_the_videos_are_no_classes(tmp_path):
    with pytest.raises(ManifestError, match="would make 2,000,000,001 classes of 2 videos"):
        read(tmp_path, ["0,x", "2000000000,y"], "path,label,class_name")


@pytest.mark.parametrize("name", ["./0.mp4", "sub/../0.mp4", ".//0.mp4"])
def test_one_file_under_two_paths_is_the_same_file(tmp_path, name):
    (tmp_path / "0.mp4").touch()
    (tmp_path / "list.csv").write_text(f"path,label\n0.mp4,x\n{name},y\n")
    (warning,) = read_manifest(tmp_path / "list.csv", labels="required").warnings
    assert "1 videos stand there with several labels" in warning
    assert "(lines 2, 3): x and y" in warning


def test_whole_videos_of_kinetics_are_read_by_their_windows(tmp_path):
    ids = ["-3B32lodo2M", "abc", "gone"]
    for name in ("-3B32lodo2M.mp4", "abc_000003_000013.mkv"):
        (tmp_path / name).touch()
    rows = [f"{name},x,{3 + i},{13 + i}" for i, name in enumerate([ids[0], *ids])]
    rows[2] = "abc,x,3,13"
    (tmp_path / "train.csv").write_text("\n".join(["youtube_id,label,time_start,time_end", *rows]))
    manifest = read_manifest(tmp_path / "train.csv", labels="required")
    assert [os.path.basename(path) for path in manifest.paths] == [
        "-3B32lodo2M.mp4", "-3B32lodo2M.mp4", "abc_000003_000013.mkv", "gone_000006_000016",
    ]  # fmt: skip
    assert [entry.seconds for entry in manifest] == [(3.0, 13.0), (4.0, 14.0), None, None]
    assert "1 of 4 have no file" in manifest.warnings[0]
