"""Class names come from the data or from a file of names."""

import json

import pytest

from videomae2.data.manifests.class_names import infer_classes, read_class_names
from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError


def table(tmp_path, text):
    path = tmp_path / "list.csv"
    path.write_text(text)
    return read_manifest(path, labels="required", check_some_exist=False)


# ---- where names come from


def test_names_of_folders(tmp_path):
    for name in ("walk/a.mp4", "run/b.mp4", "run/c.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = infer_classes(read_manifest(tmp_path, labels="required"))
    assert found.names == ("run", "walk")
    assert "2 class folders of 3 videos" in found.description


def test_names_of_a_label_column(tmp_path):
    found = infer_classes(table(tmp_path, "path,label\na.mp4,walk\nb.mp4,run\n"))
    assert found.names == ("run", "walk")


def test_names_given_for_numbers(tmp_path):
    manifest = table(tmp_path, "path,label\na.mp4,2\nb.mp4,0\n")
    found = infer_classes(manifest, ("run", "jump", "walk"))
    assert found.names == ("run", "jump", "walk")
    assert infer_classes(manifest).names == ("0", "1", "2")
    assert "called by their numbers" in infer_classes(manifest).description


def test_too_few_names_and_no_labels_are_refused(tmp_path):
    manifest = table(tmp_path, "path,label\na.mp4,2\n")
    with pytest.raises(ManifestError, match="label 2 has no name: 2 names were given"):
        infer_classes(manifest, ("run", "jump"))
    path = tmp_path / "a.mp4"
    path.touch()
    with pytest.raises(ManifestError, match="none of its videos has a label"):
        infer_classes(read_manifest(path))


def test_names_of_the_data_go_before_those_given(tmp_path):
    manifest = table(tmp_path, "path,label\na.mp4,walk\nb.mp4,run\n")
    assert infer_classes(manifest, ("walk", "run")).names == ("run", "walk")


# ---- files of names


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "run\njump high\n\nwalk\n"),
        ("a.json", '["run", "jump high", "walk"]'),
        ("a.json", '{"run": "0", "walk": "2", "jump high": 1}'),
        ("a.json", '{"0": "run", "2": "walk", "1": "jump high"}'),
        ("a.csv", "id,name\n2,walk\n0,run\n1,jump high\n"),
        ("a.tsv", "Class\tIndex\nrun\t0\nwalk\t2\njump high\t1\n"),
    ],
)
def test_files_of_names(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert read_class_names(tmp_path / name) == ("run", "jump high", "walk")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "run\nrun\n", "names come twice: run"),
        ("a.txt", "\n", "holds no name"),
        ("a.json", '{"run": 0, "walk": 2}', "2 names, but label 1 has not exactly one"),
        ("a.json", '{"run": "first"}', "a label is 'first', wanted a whole number"),
        ("a.json", "[run]", "is no JSON"),
        ("a.csv", "id,name\n0,\n", "a class has no name"),
        ("a.csv", "id,name\n0,a\nx,b\n", "a.csv:3: id is 'x', wanted a whole number"),
        ("a.csv", "id,name\n0,a,b\n", "a.csv:2: 3 cells, but the header has 2"),
    ],
)
def test_files_that_are_none(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ManifestError) as error:
        read_class_names(tmp_path / name)
    assert message in str(error.value)


def test_labels_are_places_in_the_names_of_a_file(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("path,label\na.mp4,walk\nb.mp4,run\n")
    names = ["walk", "jump", "run"]
    (tmp_path / "names.json").write_text(json.dumps(names))
    known = read_class_names(tmp_path / "names.json")
    manifest = read_manifest(path, labels="required", class_names=known, check_some_exist=False)
    assert infer_classes(manifest).names == tuple(names)
    assert manifest.labels.tolist() == [0, 2]
