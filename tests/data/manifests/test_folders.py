"""Folders of videos, of classes, and of frame images."""

import os
from pathlib import Path

import pytest

from videomae2.data.manifests.frame_folders import parse_frame_name
from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def images(video: str, first: int, count: int, name: str = "img_{:05}.jpg") -> list[str]:
    return [f"{video}/{name.format(number)}" for number in range(first, first + count)]


def message(path: Path, **wishes) -> str:
    with pytest.raises(ManifestError) as caught:
        read_manifest(path, **wishes)
    return str(caught.value).replace(str(path), "folder")


def test_videos_are_found_at_any_depth_and_sorted(tmp_path):
    fill(tmp_path, "b/c.MKV", "a.mp4", "b-1.webm", "B/x.avi", "notes.txt", "README")
    manifest = read_manifest(tmp_path)
    assert manifest.paths == ["B/x.avi", "a.mp4", "b-1.webm", "b/c.MKV"]
    assert manifest[1].path == manifest[1].location == str(tmp_path / "a.mp4")
    assert manifest[1].label is None
    assert manifest.description == "a folder of 4 videos; not videos: 1 without extension, 1 .txt"


def test_hidden_files_and_folders_are_left_out(tmp_path):
    fill(tmp_path, "a.mp4", "._a.mp4", ".cache/b.mp4")
    assert read_manifest(tmp_path).paths == ["a.mp4"]


def test_link_loops_are_survived_and_nothing_is_found_twice(tmp_path):
    fill(tmp_path, "a/x.mp4", "b/y.mp4")
    os.symlink("..", tmp_path / "a" / "up")
    os.symlink("../b", tmp_path / "a" / "other")
    os.symlink("itself", tmp_path / "itself")
    assert read_manifest(tmp_path).paths == ["a/other/y.mp4", "a/x.mp4"]


def test_linked_videos_are_found_even_if_the_link_is_broken(tmp_path):
    fill(tmp_path, "far/x.mp4", "near/keep.txt")
    os.symlink("../far/x.mp4", tmp_path / "near" / "linked.mp4")
    os.symlink("nowhere.mp4", tmp_path / "near" / "broken.mp4")
    assert read_manifest(tmp_path / "near").paths == ["broken.mp4", "linked.mp4"]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    fill(tmp_path, "a/x.mp4")

    def refuse(folder):
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr(os, "scandir", refuse)
    assert "cannot be listed: Permission denied" in message(tmp_path)


def test_an_empty_folder_says_what_would_work(tmp_path):
    assert message(tmp_path) == (
        "folder: no video in this folder; found no file at all; wanted files such as"
        " .mp4, .mkv, .webm, .avi, .mov, in it or in folders below"
    )


def test_a_folder_without_videos_says_what_was_found(tmp_path):
    fill(tmp_path, "a.txt", "b.txt", "c.docx")
    assert "found 2 .txt, 1 .docx; wanted files such as .mp4" in message(tmp_path)
    fill(tmp_path, "d.jpg")
    text = message(tmp_path, layout="folder")
    assert text.endswith("for folders of frame images use the layout 'frame-folders'")


def test_folders_are_classes_if_labels_are_asked_for(tmp_path):
    fill(tmp_path, "run/a.mp4", "jump/deep/b.mp4", "run/c.mp4", "empty/notes.txt")
    for wish in ({"labels": "if-present"}, {"labels": "required"}, {"layout": "classes"}):
        manifest = read_manifest(tmp_path, **wish)
        assert manifest.class_names == ("jump", "run")
        assert manifest.labels.tolist() == [0, 1, 1]
        assert manifest.description.startswith("2 class folders of 3 videos")


def test_folders_are_no_classes_otherwise(tmp_path):
    fill(tmp_path, "run/a.mp4", "jump/b.mp4")
    for wish in ({}, {"layout": "folder"}, {"layout": "folder", "labels": "if-present"}):
        manifest = read_manifest(tmp_path, **wish)
        assert manifest.class_names is None
        assert manifest.labels.tolist() == [-1, -1]


def test_classes_called_by_numbers_keep_their_number(tmp_path):
    fill(tmp_path, *(f"{i}/a.mp4" for i in range(11)))
    manifest = read_manifest(tmp_path, labels="required")
    assert [(entry.label, Path(entry.path).parent.name) for entry in manifest][2] == (10, "10")
    assert manifest.class_names == tuple(map(str, range(11)))


def test_known_classes_fix_the_labels(tmp_path):
    fill(tmp_path, "run/a.mp4")
    known = ("jump", "run")
    assert read_manifest(tmp_path, labels="required", class_names=known)[0].label == 1
    fill(tmp_path, "fly/b.mp4")
    assert message(tmp_path, labels="required", class_names=known) == (
        "folder: class 'fly' (1 video) is not known\n  known  2: jump, run\n  found  2: fly, run"
    )


def test_loose_videos_are_no_class(tmp_path):
    fill(tmp_path, "run/a.mp4", "b.mp4")
    assert read_manifest(tmp_path, labels="if-present").class_names is None
    for wish in ({"labels": "required"}, {"layout": "classes"}):
        assert message(tmp_path, **wish).startswith(
            "folder: b.mp4 lies in no class folder (1 such)"
        )


def test_splits_are_no_classes(tmp_path):
    fill(tmp_path, "Train/run/a.mp4", "val/run/b.mp4")
    text = "its folders (Train, val) look like splits, wanted one folder per class"
    assert text in message(tmp_path, labels="required")


def test_a_plain_folder_has_no_labels(tmp_path):
    fill(tmp_path, "run/a.mp4")
    text = "folder: the layout 'folder' has no labels, and labels are needed: use 'classes'"
    assert message(tmp_path, layout="folder", labels="required") == text


@pytest.mark.parametrize("wish", [{}, {"layout": "frame-folders"}, {"frame_name": "img_%05d.jpg"}])
def test_frame_folders_are_counted_and_their_first_number_is_found(tmp_path, wish):
    fill(tmp_path, *images("x/v1", 1, 12), *images("v0", 0, 3), "x/notes.txt")
    manifest = read_manifest(tmp_path, **wish)
    assert manifest.paths == ["v0", "x/v1"]
    assert [(entry.first, entry.frames) for entry in manifest] == [(0, 3), (1, 12)]
    assert manifest.is_frames.all()
    assert manifest.frame_name == "img_{:05}.jpg"
    assert manifest.description == "a folder of 2 videos of frames img_{:05}.jpg; not used: 1 .txt"


def test_one_frame_folder_is_one_video(tmp_path):
    manifest = read_manifest(fill(tmp_path / "v", *images(".", 5, 4)))
    assert (manifest.paths, manifest[0].first, manifest[0].frames) == (["."], 5, 4)


def test_videos_go_before_images(tmp_path):
    fill(tmp_path, "a.mp4", *images("thumbnails", 1, 3))
    assert read_manifest(tmp_path).paths == ["a.mp4"]
    assert read_manifest(tmp_path, layout="frame-folders").paths == ["thumbnails"]


def test_frame_folders_have_classes_too(tmp_path):
    fill(tmp_path, *images("run/v1", 1, 2), *images("jump/v2", 1, 2))
    manifest = read_manifest(tmp_path, labels="required")
    assert (manifest.labels.tolist(), manifest.class_names) == ([0, 1], ("jump", "run"))


@pytest.mark.parametrize(
    ("first", "count", "name"),
    [
        (1, 120, "{}.png"),
        (9601, 20, "image_{:06}.jpg"),
        (0, 30, "cam1_{:04}_v.jpeg"),
        (99990, 20, "img_{:05}.jpg"),
        (1, 3, "frame{:03}.JPG"),
    ],
)
def test_the_template_is_found(tmp_path, first, count, name):
    fill(tmp_path, *images("v", first, count, name))
    fill(tmp_path, *images("w", 1, 3, name))
    manifest = read_manifest(tmp_path)
    assert manifest.frame_name == name
    assert (manifest[0].first, manifest[0].frames) == (first, count)


def test_several_kinds_of_names_need_a_choice(tmp_path):
    fill(tmp_path, *images("v", 1, 3), *images("v", 1, 3, "flow_x_{:05}.jpg"), *images("w", 1, 3))
    assert message(tmp_path) == (
        "folder: its images have several kinds of names: img_{:05}.jpg in 2 folders,"
        " flow_x_{:05}.jpg in 1 folders; choose one with frame_name"
    )
    manifest = read_manifest(tmp_path, frame_name="img_{:05}.jpg")
    assert (manifest.paths, manifest.description[-16:]) == (["v", "w"], "not used: 3 .jpg")


def test_missing_images_are_reported(tmp_path):
    fill(tmp_path, *images("v", 1, 3), "v/img_00007.jpg", *images("w", 1, 3), "w/img_00005.jpg")
    assert message(tmp_path) == (
        "folder: v: 4 images for the numbers 1 to 7: 3 are missing\n"
        "folder: w: 4 images for the numbers 1 to 5: 1 are missing"
    )


def test_numbers_of_another_width_are_reported(tmp_path):
    fill(tmp_path, *images("v", 1, 3), *images("w", 1, 3, "img_{:03}.jpg"))
    assert message(tmp_path) == "folder: w: a number has 3 digits, wanted names like img_{:05}.jpg"


def test_a_folder_without_the_wanted_images_says_what_was_found(tmp_path):
    fill(tmp_path, *images("v", 1, 3))
    text = message(tmp_path, frame_name="x_{:05}.jpg")
    assert text == (
        "folder: no folder of frames; found 3 .jpg; wanted x_{:05}.jpg in folders,"
        " one folder per video"
    )
    fill(tmp_path / "other", "cover.jpg")
    text = message(tmp_path / "other")
    assert "found 1 .jpg; wanted numbered images such as img_00001.jpg" in text


@pytest.mark.parametrize("name", ["img.jpg", "{}_{}.jpg", "{:5}.jpg", "{name}.jpg", "%s.jpg"])
def test_a_template_has_one_place_for_a_number(tmp_path, name):
    assert "wanted one place for the number, as in img_{:05}.jpg" in message(
        tmp_path, frame_name=name
    )


def test_a_template_is_written_as_python_formats_it():
    for template in ("img_{:05}.jpg", "{}.png", "a_{:012}_b.webp"):
        name = parse_frame_name(template)
        assert str(name) == template
        assert name.extract_digits(template.format(42)) == f"{42:0{name.width}}"
    assert parse_frame_name("img_{:05}.jpg").extract_digits("img_.jpg") is None
    assert parse_frame_name("aa{}a.jpg").extract_digits("aa.jpg") is None
