"""Paths that are written as ``file:`` addresses, as Label Studio, CVAT and browsers write them."""

import json
import os
from urllib.parse import quote

import pytest

from videomae2.base.names import path_of_uri
from videomae2.data.live.sources import find_stream
from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError
from videomae2.inference.inputs import expand_inputs

NAMES = ["a é.mp4", "100%.mp4", "odd\udce9.mp4", "b#1?.mp4"]
SPELLINGS = ["file://{}", "file://localhost{}", "FILE://{}", "file:{}"]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", NAMES)
def test_the_path_is_what_is_escaped(name, spelling):
    path = f"/home/x y/{name}"
    assert path_of_uri(spelling.format(quote(os.fsencode(path)))) == path


@pytest.mark.parametrize(
    "name", ["a.mp4", "/a%20b.mp4", "file.mp4", "file:a.mp4", "file://server/a.mp4", "rtsp://h/1"]
)
def test_other_names_are_what_they_are(name):
    assert path_of_uri(name) == name


@pytest.fixture
def address(tmp_path):
    """An address of a file whose name is not plain, in a folder whose name is not."""
    (tmp_path / "my videos").mkdir()
    path = tmp_path / "my videos" / NAMES[0]
    path.touch()
    return str(path), f"file://{quote(str(path))}"


LISTS = {
    "released.txt": "{} 0\n",
    "bare.txt": "{}\n",
    "comma.csv": "video,label\n{},x\n",
    "windows.csv": "path,start,end,label\n{},1.5,2.5,x\n",
    "flat.json": '[{{"video": "{}", "label": "x"}}]',
    "lines.jsonl": '{{"path": "{}", "label": "x"}}\n',
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_name_files_so(tmp_path, address, name):
    path, uri = address
    (tmp_path / name).write_text(LISTS[name].format(uri))
    assert [entry.path for entry in read_manifest(tmp_path / name)] == [path]


def test_groups_are_read_from_the_paths(tmp_path, address):
    (tmp_path / "list.txt").write_text(f"{address[1]} 0\n")
    assert read_manifest(tmp_path / "list.txt", groups="folder").groups == [
        os.path.dirname(address[0])
    ]


@pytest.mark.parametrize("uri", ["file://server/share/a.mp4", "file://C:/a.mp4"])
def test_files_of_other_machines_are_refused(tmp_path, uri):
    (tmp_path / "list.txt").write_text(f"{uri} 0\n")
    with pytest.raises(ManifestError, match="is an address, and the videos of a list are files"):
        read_manifest(tmp_path / "list.txt")


def test_inputs_of_predict_are_named_so(tmp_path, address):
    path, uri = address
    folder = f"file://{quote(str(tmp_path / 'my videos'))}"
    assert find_stream(uri) is None
    assert [video.entry.path for video in expand_inputs([uri, folder])] == [path, path]


def test_a_list_itself_says_its_path(tmp_path):
    (tmp_path / "my list.json").write_text(json.dumps([{"path": "a.mp4"}]))
    uri = f"file://{quote(str(tmp_path / 'my list.json'))}"
    with pytest.raises(ManifestError, match=f"a path is wanted: {tmp_path}/my list.json"):
        read_manifest(uri)
