"""Columns without a name, and settings that name no column."""

import json

import pytest

from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError

HEADERS = {
    "a comma at the end": "path,label,\na.mp4,x,\nb.mp4,y,\n",
    "several commas at the end": "path;label;;\na.mp4;x;;\nb.mp4;y;;\n",
    "an index of pandas": ",path,label\n0,a.mp4,x\n1,b.mp4,y\n",
    "an empty index": ",path,label\n,a.mp4,x\n,b.mp4,y\n",
    "a blank": " \tpath\tlabel\n7\ta.mp4\tx\n7\tb.mp4\ty\n",
    "json": '{"": 3, "path": "a.mp4", "label": "x"}\n{"": 3, "path": "b.mp4", "label": "y"}\n',
    "json array": json.dumps([{"": "p", "path": f"{n}.mp4", "label": m} for n, m in ("ax", "by")]),
}


def read(folder, text, **options):
    for name in "ab":
        (folder / f"{name}.mp4").touch()
    (folder / "list.csv").write_text(text)
    return read_manifest(folder / "list.csv", labels="required", **options)


@pytest.mark.parametrize("text", HEADERS.values(), ids=HEADERS)
def test_a_column_without_a_name_is_nothing(tmp_path, text):
    manifest = read(tmp_path, text)
    assert (manifest.groups, manifest.class_names) == (None, ("x", "y"))
    assert manifest.meanings == {"path": "video", "label": "class"}
    assert "not used" not in manifest.description


@pytest.mark.parametrize("text", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize(
    "option",
    [{"row_filter": ""}, {"row_filter": "=0"}, {"row_filter": " = "}, {"row_filter": "split"},
     {"groups": ""}, {"groups": " "}, {"extra_columns": ("",)}],
    ids=str,
)  # fmt: skip
def test_no_setting_means_a_column_without_a_name(tmp_path, text, option):
    with pytest.raises(ManifestError, match="wanted "):
        read(tmp_path, text, **option)
