"""What a manifest answers, and how reading one starts and fails."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from videomae2.data.manifests.manifest import Entry, join_path
from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError


def write(folder: Path, name: str, text: str, *videos: str) -> Path:
    for video in videos:
        (folder / video).parent.mkdir(parents=True, exist_ok=True)
        (folder / video).touch()
    path = folder / name
    path.write_text(text)
    return path


def test_an_entry_has_the_joined_path_and_where_it_was_read(tmp_path):
    source = write(tmp_path, "train.csv", "a.mp4 3\n\nb/c.mp4 0\n", "a.mp4")
    manifest = read_manifest(source, labels="required")
    assert len(manifest) == 2
    assert manifest[1] == Entry(str(tmp_path / "b/c.mp4"), label=0, location=f"{source}:3")
    assert [entry.label for entry in manifest] == [3, 0]
    assert manifest.description == f"video-list of 2 entries, paths relative to {tmp_path}"


def test_one_past_the_end_is_an_index_error(tmp_path):
    manifest = read_manifest(write(tmp_path, "l.txt", "a.mp4\n", "a.mp4"))
    with pytest.raises(IndexError):
        manifest[1]


def test_numbers_are_int32_columns(tmp_path):
    manifest = read_manifest(write(tmp_path, "l.txt", "a.mp4 0 -1\n", "a.mp4"))
    for column in (manifest.first, manifest.frames, manifest.labels, manifest.lines):
        assert column.dtype == np.int32
    assert manifest.is_frames.dtype == np.bool_


def test_the_digest_is_the_same_elsewhere_and_another_for_other_content(tmp_path):
    texts = {"here": "a.mp4 1\n", "there": "\na.mp4   1", "other": "a.mp4 2\n"}
    digests = {}
    for name, text in texts.items():
        (tmp_path / name).mkdir()
        source = write(tmp_path / name, "l.txt", text, "a.mp4")
        digests[name] = read_manifest(source, labels="required").digest()
    assert digests["here"] == digests["there"] != digests["other"]
    assert len(digests["here"]) == 16


def test_a_digest_stays_what_it_was(tmp_path):
    source = write(tmp_path, "l.txt", "a.mp4 1\n", "a.mp4")
    assert read_manifest(source, labels="required").digest() == "0f70762ddda3a30c"


def test_file_names_that_are_no_utf8_have_a_digest(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4")).touch()
    assert read_manifest(tmp_path).digest()


def test_one_video_is_a_manifest(tmp_path):
    (tmp_path / "a.MP4").touch()
    manifest = read_manifest(tmp_path / "a.MP4")
    assert [entry.path for entry in manifest] == [str(tmp_path / "a.MP4")]
    assert manifest[0].location == manifest[0].path
    with pytest.raises(ManifestError, match=r"a.MP4: is one video without a label"):
        read_manifest(tmp_path / "a.MP4", labels="required")


def test_the_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.mp4").touch()
    assert read_manifest("~/a.mp4")[0].path == str(tmp_path / "a.mp4")


def test_a_missing_source_says_what_exists(tmp_path):
    with pytest.raises(
        ManifestError, match=rf"does not exist; {tmp_path} is there, without vidoes: is it"
    ):
        read_manifest(tmp_path / "vidoes" / "all.csv")
    with pytest.raises(ManifestError, match="does not exist"):
        read_manifest(tmp_path / "vidoes", layout="folder")


def test_a_layout_of_the_other_kind_is_refused(tmp_path):
    source = write(tmp_path, "l.txt", "a.mp4\n", "a.mp4")
    with pytest.raises(ManifestError, match="is a folder, the layout 'table' wants a file"):
        read_manifest(tmp_path, layout="table")
    for layout in ("folder", "classes", "frame-folders"):
        with pytest.raises(ManifestError, match=f"is a file, the layout '{layout}' wants a folder"):
            read_manifest(source, layout=layout)


def test_settings_without_an_effect_are_refused(tmp_path):
    source = write(tmp_path, "l.txt", "a.mp4\n", "a.mp4")
    with pytest.raises(ManifestError, match="is a folder: root has no effect"):
        read_manifest(tmp_path, root="/data")
    with pytest.raises(ManifestError, match="is a folder: filter has no effect"):
        read_manifest(tmp_path, row_filter="split=train")
    with pytest.raises(ManifestError, match="frame_name has no effect on the layout 'folder'"):
        read_manifest(tmp_path, layout="folder", frame_name="{}.jpg")
    with pytest.raises(ManifestError, match="no table with a header: filter has no effect"):
        read_manifest(source, row_filter="split=train")


def test_relative_paths_start_from_root_or_the_list_or_the_working_folder(tmp_path, monkeypatch):
    source = write(tmp_path, "l.txt", "v/a.mp4\n/abs/b.mp4\n")
    (tmp_path / "data" / "v").mkdir(parents=True)
    (tmp_path / "data" / "v" / "a.mp4").touch()
    manifest = read_manifest(source, root=tmp_path / "data")
    assert [entry.path for entry in manifest] == [str(tmp_path / "data/v/a.mp4"), "/abs/b.mp4"]
    monkeypatch.chdir(tmp_path / "data")
    manifest = read_manifest(source)
    assert manifest[0].path == "v/a.mp4"
    assert manifest.description.endswith("paths relative to the working folder")


def test_a_wrong_root_is_found(tmp_path):
    source = write(tmp_path, "l.txt", "v/a.mp4\nv/b.mp4\n")
    with pytest.raises(ManifestError) as caught:
        read_manifest(source, root="/nowhere")
    assert str(caught.value) == (
        f"{source}:1: none of its first 2 entries exists: v/a.mp4 not as /nowhere/v/a.mp4;"
        " give the folder that the paths start from as root, now '/nowhere'"
    )
    with pytest.raises(
        ManifestError, match=rf"not as {tmp_path}/v/a.mp4 nor as v/a.mp4; .* as root$"
    ):
        read_manifest(source)
    unchecked = read_manifest(source, root="/nowhere", check_some_exist=False)
    assert unchecked[0].path == "/nowhere/v/a.mp4"


def test_one_existing_entry_of_the_first_hundred_is_enough(tmp_path):
    text = "".join(f"{i}.mp4\n" for i in range(200))
    assert len(read_manifest(write(tmp_path, "l.txt", text, "99.mp4"))) == 200
    late = write(tmp_path, "late.txt", text.replace("99.mp4", "x.mp4"), "150.mp4")
    with pytest.raises(ManifestError, match="none of its first 100 entries"):
        read_manifest(late)


def test_reading_lists_imports_no_torch():
    code = "import sys, videomae2.data.manifests.read; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("root", "path", "shown"),
    [
        ("f/sizes", ".", "f/sizes"),
        ("f/sizes/", ".", "f/sizes"),
        ("/", ".", "/"),
        ("", ".", "."),
        ("f", "a.mp4", "f/a.mp4"),
        ("", "a.mp4", "a.mp4"),
        ("f", "/b/a.mp4", "/b/a.mp4"),
    ],
)
def test_a_folder_that_is_a_video_itself_is_named_without_a_dot(root, path, shown):
    assert join_path(root, path) == shown
