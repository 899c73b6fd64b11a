"""JSON as tools write it: columns of pandas are read, nested rows are refused by where they are."""

import json

import pytest

from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError

ROWS = [{"path": "a.mp4", "label": "run"}, {"path": "b.mp4", "label": "sit"}]
PANDAS = {
    "columns": {name: {str(n): row[name] for n, row in enumerate(ROWS)} for name in ROWS[0]},
    "lists": {name: [row[name] for row in ROWS] for name in ROWS[0]},
    "index": {str(n): row for n, row in enumerate(ROWS)},
    "split": {"columns": [*ROWS[0]], "index": [0, 1], "data": [[*row.values()] for row in ROWS]},
    "records": ROWS,
}
LABEL_STUDIO = {"id": 1, "data": {"video": "a.mp4"}, "annotations": [{"result": []}]}
NESTED = {
    "annotations": {"annotations": ROWS},
    "database": {"version": "1.3", "database": {"v0": {"annotations": [{"label": "run"}]}}},
    "data": [LABEL_STUDIO, LABEL_STUDIO],
    "v0": {"v0": {"subset": "training", "annotations": {"label": "run"}}},
    "videos": {"info": {"year": 1}, "videos": ROWS} | {"info": "x"},
    "frames": {"count": 2, "frames": {"0": ROWS}},
}


def read(folder, content, indent, name="list.json"):
    (folder / name).write_text(json.dumps(content, indent=indent))
    return read_manifest(folder / name, labels="required", check_some_exist=False)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("content", PANDAS.values(), ids=PANDAS)
def test_every_orientation_of_pandas_is_read(tmp_path, content, indent):
    manifest = read(tmp_path, content, indent)
    assert manifest.paths == ["a.mp4", "b.mp4"]
    assert (manifest.class_names, manifest.labels.tolist()) == (("run", "sit"), [0, 1])


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("holder", NESTED)
def test_nested_rows_are_named(tmp_path, holder, indent):
    with pytest.raises(ManifestError) as caught:
        read(tmp_path, NESTED[holder], indent)
    assert "rows are nested" in str(caught.value)
    assert repr(holder) in str(caught.value)
    assert "wanted an array of flat objects" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("label", ["run", ["run"], {"choices": ["run"]}])
@pytest.mark.parametrize("name", ["list.json", "list.jsonl"])
def test_one_row_is_a_row(tmp_path, label, name):
    manifest = read(tmp_path, {"path": "a.mp4", "label": label}, None, name)
    assert (manifest.paths, manifest.class_names) == (["a.mp4"], ("run",))
