"""Folders of videos, of classes, and of frame images."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from videomae2.data.manifests.read import read_manifest
from videomae2.data.video.frame_names import parse_frame_name
from videomae2.data.video.reader import ReadLimits, open_reader
from videomae2.data.video.trim import open_video
from videomae2.data.views.requests import SamplingSpec
from videomae2.errors import ManifestError, VideoError


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


def test_several_kinds_of_names_in_a_folder_need_a_choice(tmp_path):
    flows = images("v", 1, 3, "flow_x_{:05}.jpg")
    fill(tmp_path, *images("v", 1, 3), *flows)
    problem = "its images have several kinds of names: 3 called "
    assert message(tmp_path).startswith(
        f"folder: 1 of 1 folder cannot be read as frames, such as v: {problem}"
    )
    fill(tmp_path, *images("w", 1, 3))
    manifest = read_manifest(tmp_path)
    assert manifest.paths == ["w"]
    assert f"1 of 2 folders cannot be read as frames, such as v: {problem}" in manifest.warnings[0]
    manifest = read_manifest(tmp_path, frame_name="img_{:05}.jpg")
    assert (manifest.paths, manifest.description[-16:]) == (["v", "w"], "not used: 3 .jpg")


NAMES = {
    "by clip": ("v/v_{:04}.jpg", "w/w_{:04}.jpg"),
    "padded and not": ("v/img_{:05}.jpg", "w/img_{}.jpg"),
    "of two kinds of file": ("v/img_{:05}.jpg", "w/img_{:05}.png"),
    "two numbers": ("v/cam1_{:03}.jpg", "w/cam2_{:03}.jpg"),
    "times": ("v/2020-01-01 12.00.{:02}.jpg", "w/2021-03-01 12.00.{:02}.jpg"),
}


@pytest.mark.parametrize("templates", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("numbers", [range(12), range(5, 60, 5), [1, 2, 4, 10, 11]])
def test_one_rule_orders_frames_whatever_they_are_called(tmp_path, templates, numbers):
    for template in templates:
        for place, number in enumerate(numbers):
            path = tmp_path / template.format(number)
            path.parent.mkdir(exist_ok=True)
            Image.new("L", (8, 8), 20 * place).save(path)
    manifest = read_manifest(tmp_path)
    assert manifest.paths == ["v", "w"]
    options = SamplingSpec(
        frames=1, channels=1, frame_interval=1, interval_unit="frames", limits=ReadLimits(),
        frame_name=manifest.frame_name,
    )  # fmt: skip
    for entry in manifest:
        with open_video(entry, options) as reader:
            frames = reader.read(range(reader.num_frames))
        means = frames.mean(axis=(1, 2, 3)).round(-1)
        assert means.tolist() == [20 * place for place in range(len(numbers))]


def test_gaps_are_counted(tmp_path):
    fill(tmp_path, *images("v", 1, 3), "v/img_00007.jpg", *images("w", 1, 3))
    manifest = read_manifest(tmp_path)
    assert manifest.warnings == (
        "1 of 2 folders have gaps, such as v with 4 images for the numbers 1 to 7: what follows a "
        "gap is taken for the next frame",
    )
    assert [entry.frames for entry in manifest] == [None, 3]


@pytest.mark.parametrize("name", ["frame_{:06}.png", "{}.jpg", "a{:03}_b.jpg", "img_{:05}.jpg"])
@pytest.mark.parametrize("first", [0, 1, 5])
def test_a_list_of_frame_folders_needs_no_template(tmp_path, name, first):
    fill(tmp_path, *images("a", first, 9, name), *images("b", first, 9, name))
    (tmp_path / "list.txt").write_text("a 9 0\nb 9 1\n")
    manifest = read_manifest(tmp_path / "list.txt", labels="required")
    if name == "img_{:05}.jpg":  # as released, numbers count from 1
        assert (manifest.frame_name, manifest[0].first) == (name, 1)
    else:
        assert (manifest.frame_name, manifest[0].first) == (None, 0)


def test_numbers_twice_are_refused(tmp_path):
    fill(tmp_path, "v/img_1.jpg", "v/img_01.jpg")
    assert "img_01.jpg and img_1.jpg have the same number" in message(tmp_path)
    fill(tmp_path / "other", "v/img_1.jpg", "v/img_1.png")
    assert "img_1.jpg and img_1.png have the same number" in message(tmp_path / "other")


def test_pages_of_tiff_files_are_videos(tmp_path):
    pages = [Image.new("L", (12, 8), 10 * page) for page in range(24)]
    for name in ("a/stack1.tif", "a/other.tif", "b/s.tiff"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
    manifest = read_manifest(tmp_path, labels="required")
    assert manifest.paths == ["a/other.tif", "a/stack1.tif", "b/s.tiff"]
    assert manifest.labels.tolist() == [0, 0, 1]
    for path in (manifest[0].path, read_manifest(tmp_path / "b/s.tiff")[0].path):
        with open_reader(path, frame_rate=10.0) as reader:
            assert (reader.num_frames, reader.seconds[-1]) == (24, 2.3)
            assert reader.read([3, 23, 3])[..., 0].mean(axis=(1, 2)).tolist() == [30, 230, 30]


@pytest.mark.parametrize(
    ("largest", "bits"), [(200, 8), (759, 10), (3035, 12), (16000, 14), (48573, 16)]
)
def test_the_bits_that_images_use_are_found(tmp_path, largest, bits):
    values = np.linspace(0, largest, 48).astype(np.uint16).reshape(6, 8)
    (tmp_path / "v").mkdir()
    for number in range(3):
        Image.fromarray(values).save(tmp_path / f"v/{number}.png")
    np.save(tmp_path / "v.npy", np.stack([values] * 4))
    for path in (tmp_path / "v", tmp_path / "v.npy"):
        manifest = read_manifest(path)
        assert manifest[0].bits == bits
        assert (
            f"{bits} of 16 bits taken, since the largest value seen is {largest}"
            in manifest.description
        )
        assert read_manifest(path, bits=16)[0].bits == 16
        with open_reader(manifest[0].path, bits=bits) as reader:
            frame = reader.read([1])[0, ..., 0]
        assert frame.tolist() == (values >> (bits - 8)).tolist()
        if bits > 8:
            with pytest.raises(VideoError, match=f"values up to {largest}, and {bits - 2} bits"):
                open_reader(manifest[0].path, bits=bits - 2).read([0])


def test_a_folder_without_the_wanted_images_says_what_was_found(tmp_path):
    fill(tmp_path, *images("v", 1, 3))
    text = message(tmp_path, frame_name="x_{:05}.jpg")
    assert text == (
        "folder: no folder of frames; found 3 .jpg; wanted x_{:05}.jpg in folders,"
        " one folder per video"
    )
    fill(tmp_path / "other", "cover.jpg")
    text = message(tmp_path / "other")
    assert "found 1 .jpg; wanted images in folders" in text


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
