"""Parquet as Hugging Face writes it: names of classes beside their numbers, files in cells."""

import json

import pytest

from videomae2.data.loading.labels import LabelConfig, read_multilabel
from videomae2.data.loading.sources import SourceConfig
from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError

NAMES = ("sit", "run", "jump")
CLASS = {"names": list(NAMES), "_type": "ClassLabel"}


def write(folder, columns, features=None):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table(columns)
    if features is not None:
        info = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": info})
    parquet.write_table(table, folder / "list.parquet")
    for name in "abc":
        (folder / f"{name}.mp4").touch()
    return folder / "list.parquet"


PATHS = ["a.mp4", "b.mp4", "c.mp4"]


@pytest.mark.parametrize("column", ["label", "Class"])
def test_numbers_of_hugging_face_have_names(tmp_path, column):
    path = write(tmp_path, {"path": PATHS, column: [2, 0, 2]}, {column: CLASS})
    manifest = read_manifest(path, labels="required")
    assert (manifest.class_names, manifest.labels.tolist()) == (NAMES, [2, 0, 2])
    known = ("jump", "run", "sit")
    manifest = read_manifest(path, labels="required", class_names=known)
    assert (manifest.class_names, manifest.labels.tolist()) == (known, [0, 2, 0])


def test_minus_1_of_hugging_face_is_no_label(tmp_path):
    path = write(tmp_path, {"path": PATHS, "label": [1, -1, 2]}, {"label": CLASS})
    assert read_manifest(path, labels="if-present").labels.tolist() == [1, -1, 2]
    with pytest.raises(ManifestError, match=r"list.parquet:2: b.mp4 has no label"):
        read_manifest(path, labels="required")


@pytest.mark.parametrize("feature", [[CLASS], {"_type": "Sequence", "feature": CLASS}])
def test_lists_of_numbers_have_names(tmp_path, feature):
    path = write(tmp_path, {"path": PATHS, "label": [[0], [0, 2], []]}, {"label": feature})
    data = read_multilabel((SourceConfig(path=path),), LabelConfig())
    assert data.class_names == ("jump", "sit")
    assert data.targets[0].tolist() == [[0, 1], [1, 1], [0, 0]]


@pytest.mark.parametrize(
    "features",
    [{}, {"label": {"dtype": "int64", "_type": "Value"}}, {"label": None}, [], 3,
     {"label": {"_type": "ClassLabel"}}, {"label": {**CLASS, "names": ["2", "1", "0"]}}],
    ids=str,
)  # fmt: skip
def test_numbers_without_names_stay_numbers(tmp_path, features):
    path = write(tmp_path, {"path": PATHS, "label": [2, 0, 1]}, features)
    assert read_manifest(path, labels="required").labels.tolist() == [2, 0, 1]


@pytest.mark.parametrize("column", ["video", "path", "file"])
def test_files_in_cells_are_refused_by_name(tmp_path, column):
    content = [b"\0\0ftypisom", b"x", b"y"]
    nested = [{"bytes": data, "path": name} for data, name in zip(content, PATHS, strict=True)]
    for cells in (nested, content):
        path = write(tmp_path, {column: cells, "label": [0, 1, 2]})
        with pytest.raises(ManifestError, match=f"column {column} holds the files") as caught:
            read_manifest(path, labels="required")
        assert "ftyp" not in str(caught.value)
        assert len(str(caught.value)) < 300


def test_paths_beside_no_bytes_are_read(tmp_path):
    cells = [{"bytes": None, "path": name} for name in PATHS]
    pyarrow = pytest.importorskip("pyarrow")
    kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    path = write(tmp_path, {"video": pyarrow.array(cells, kind), "label": [0, 1, 2]})
    assert read_manifest(path, labels="required").paths == PATHS
