"""Cells that say in words that there is nothing, and cells that hold what a tool nests."""

import json

import pytest

from videomae2.data.loading.labels import LabelConfig, read_multilabel
from videomae2.data.loading.sources import SourceConfig
from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError

NOTHING = ["NaN", "nan", "None", "null", "NULL", "N/A", "n/a", "NA", "<NA>", "#N/A", "none"]


def write(folder, cells):
    rows = [{"path": f"{n}.mp4", "label": cell} for n, cell in enumerate(cells)]
    (folder / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "list.jsonl"


def read(folder, *cells, **options):
    path = write(folder, cells)
    return read_manifest(path, **{"labels": "required", "check_some_exist": False, **options})


def read_several(folder, *cells, expected=None):
    write(folder, cells)
    for n in range(len(cells)):
        (folder / f"{n}.mp4").touch()
    source = SourceConfig(path=folder / "list.jsonl")
    return read_multilabel((source,), LabelConfig(), expected=expected)


@pytest.mark.parametrize("word", NOTHING)
@pytest.mark.parametrize("labels", ["required", "if-present"])
def test_a_word_for_nothing_is_no_class_unasked(tmp_path, word, labels):
    with pytest.raises(ManifestError) as caught:
        read(tmp_path, "run", word, "sit", word, labels=labels)
    assert f"label is '{word}' in 2 rows (lines 2, 4): no class, or one" in str(caught.value)
    assert str(caught.value).count("\n") == 0
    with pytest.raises(ManifestError, match=r"in 1 row .line 1.: no class"):
        read_several(tmp_path, word, "run;sit")
    assert read(tmp_path, word, "run", labels="ignore").class_names is None


@pytest.mark.parametrize("word", NOTHING)
def test_a_known_class_may_be_called_so(tmp_path, word):
    known = ("run", word)
    assert read(tmp_path, "run", word, class_names=known).labels.tolist() == [0, 1]
    targets = read_several(tmp_path, "run", f"run;{word}", expected=known).targets[0]
    assert targets.tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize("word", NOTHING)
def test_among_numbers_it_is_no_label(tmp_path, word):
    for cells in ((word, 1, 0), (1, 0, word), ("1.0", word, "0.0")):
        labels = read(tmp_path, *cells, labels="if-present").labels.tolist()
        assert sorted(labels) == [-1, 0, 1]
        with pytest.raises(ManifestError, match="has no label, and labels are needed"):
            read(tmp_path, *cells)


CHOICES = [
    {"choices": ["run"]}, '{"choices":["run"]}', "{'choices': ['run']}", {"taxonomy": ["run"]},
    ["run"], "['run']",
]  # fmt: skip
NESTED = [
    {"choices": [["run", "fast"]]}, {"choices": "run"}, {"a": ["run"], "b": ["sit"]},
    [{"choices": ["run"]}], [{"ranges": [{"start": 1}], "timelinelabels": ["run"]}],
    "{choices:[a]}",
    {}, "{'run'}",
]  # fmt: skip


@pytest.mark.parametrize("cell", CHOICES, ids=str)
def test_one_choice_is_a_class(tmp_path, cell):
    assert read(tmp_path, cell, "sit", "run").class_names == ("run", "sit")
    assert read_several(tmp_path, cell, "sit").class_names == ("run", "sit")


@pytest.mark.parametrize("key", ["choices", "taxonomy"])
def test_several_choices_are_a_list_of_labels(tmp_path, key):
    cell = {key: ["run", "sit"]}
    assert read_several(tmp_path, cell, "sit").targets[0].tolist() == [[1, 1], [0, 1]]
    with pytest.raises(ManifestError, match="label is a list of 2 names, run, sit; one class is"):
        read(tmp_path, cell, "sit")


@pytest.mark.parametrize("cell", NESTED, ids=str)
def test_what_is_nested_is_no_class(tmp_path, cell):
    for reader in (read, read_several):
        with pytest.raises(
            ManifestError, match=r"list.jsonl:1: label (nests|looks like)"
        ) as caught:
            reader(tmp_path, cell, "sit")
        assert "\n" not in str(caught.value)
