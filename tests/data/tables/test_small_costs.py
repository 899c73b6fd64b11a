"""A list of a few KB costs little whatever stands in it; what is wrong is said in few words."""

import json
import time

import pytest

from videomae2.data.manifests.class_names import infer_classes, read_class_names
from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError

LONG = "9" * 5000
MANY = "".join(json.dumps({f"k{row}_{i}": 1 for i in range(90)} | {"path": "a.mp4"}) + "\n"
               for row in range(120))  # fmt: skip


@pytest.fixture
def place(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.mp4").touch()
    return tmp_path


def read(place, name, text, **options):
    (place / name).write_text(text)
    started = time.process_time()
    try:
        return read_manifest(place / name, **options)
    finally:
        assert time.process_time() - started < 3


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("list.txt", f"a.mp4 {LONG} 0\n", "no format fits|two formats fit|wanted a whole number"),
        ("list.txt", f"a.mp4 0 -{LONG}\n", "three columns|wanted a whole number|none of"),
        ("list.txt", f"a.mp4 {LONG}\n", "wanted a whole number from -1 to"),
        ("t.csv", f"path,label\na.mp4,{LONG}\n", "wanted a whole number from -1 to"),
        ("t.csv", f"path,label,start_frame\na.mp4,run,{LONG}\n", "wanted a whole number"),
        ("t.csv", "path" + ",x" * 20_000 + "\n", "more than one column x"),
        ("t.csv", "path,label,class\na.mp4,0,run\nb.mp4,2000000000,walk\n", "would make 2,000,000"),
        ("t.json", "[" * 60_000, "looks like a JSON array"),
        ("t.json", '[{"path": ' + "[" * 900 + "]" * 900 + "}]", "nested too deeply"),
        ("t.jsonl", '{"path": "a.mp4", "label": ' + LONG + "}\n", "a number that is too long"),
        ("t.jsonl", '{"a":' * 20_000, "nested too deeply"),
        ("t.parquet", "PAR1" + "x" * 500 + "PAR1", "is damaged, or no Parquet file"),
        ("t.parquet", "", "is damaged, or no Parquet file"),
    ],
)
def test_a_list_that_is_odd_is_refused_in_few_words(place, name, text, said):
    with pytest.raises(ManifestError, match=said) as caught:
        read(place, name, text, labels="required")
    assert len(str(caught.value)) < 4000
    assert "set_int_max" not in str(caught.value)


def test_rows_with_many_keys_are_read_in_time(place):
    assert len(read(place, "t.jsonl", MANY)) == 120


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c.json", '{"run": ' + LONG + "}", "a number that is too long"),
        ("c.json", json.dumps({LONG: "run"}), "wanted a whole number"),
        ("c.json", "[" * 60_000, "nested too deeply"),
        ("c.json", '[["run"], {"a": 1}]', r"a name of a class is \['run'\], wanted text"),
        ("c.json", '["run", null]', "a name of a class is null, wanted text"),
        ("c.json", '{"run": 2000000000}', "not exactly one"),
        ("c.csv", f"id,name\n{LONG},run\n", "wanted a whole number"),
    ],
)
def test_names_of_classes_that_are_none_are_refused_in_few_words(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(ManifestError, match=said) as caught:
        read_class_names(tmp_path / name)
    assert len(str(caught.value)) < 4000


@pytest.mark.parametrize("text", ["".join(f"n{i}\n" for i in range(20_000)), f"{LONG} run\n"])
def test_many_or_long_names_of_classes_are_read_in_time(tmp_path, text):
    (tmp_path / "c.txt").write_text(text)
    started = time.process_time()
    assert len(read_class_names(tmp_path / "c.txt")) == text.count("\n")
    assert time.process_time() - started < 3


def test_folders_called_by_numbers_without_end_are_classes(place):
    text = f"path,class\na.mp4,{'1' * 4000}a\nb.mp4,b\n"
    assert len(infer_classes(read(place, "t.csv", text, labels="required")).names) == 2
