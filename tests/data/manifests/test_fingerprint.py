"""Files are told from others of the same names; where they lie and how old they are is nothing."""

import os
import shutil

import numpy as np
import pytest

from videomae2.data.manifests import fingerprint
from videomae2.data.manifests.fingerprint import (
    compute_fingerprint,
    describe_difference,
    map_files,
)
from videomae2.data.manifests.read import read_manifest


def folder_of_files(folder, count=6, *, seed=0, size=300_000):
    folder.mkdir()
    draws = np.random.default_rng(seed)
    for number in range(count):
        (folder / f"{number}.mp4").write_bytes(draws.bytes(size + number))
    return folder


def marks(folder):
    return compute_fingerprint(read_manifest(folder))


def overwrite(path, where, word=b"changed"):
    with path.open("r+b") as file:
        file.seek(where, os.SEEK_SET if where >= 0 else os.SEEK_END)
        file.write(word)


@pytest.mark.parametrize("count", [0, 1, 16, 1000])
def test_results_stand_in_the_order_of_the_files(count):
    assert map_files([str(number) for number in range(count)], int) == list(range(count))


def test_a_copy_elsewhere_and_another_time_are_the_same(tmp_path):
    folder = folder_of_files(tmp_path / "a")
    before = marks(folder)
    shutil.copytree(folder, tmp_path / "b", copy_function=shutil.copyfile)
    os.utime(folder / "0.mp4", (0, 0))
    assert marks(tmp_path / "b") == marks(folder) == before
    assert len(before.sample.split()) == 6


def test_other_files_of_the_same_names_and_sizes_are_noticed(tmp_path):
    one, other = (folder_of_files(tmp_path / name, seed=n) for n, name in enumerate("ab"))
    assert describe_difference(marks(one), marks(other)) == "6 of 6 that were looked at differ"


@pytest.mark.parametrize(("where", "is_noticed"), [(0, True), (-7, True), (150_000, False)])
def test_a_file_that_changed_in_place_is_noticed_at_its_ends(tmp_path, where, is_noticed):
    before = marks(folder_of_files(tmp_path / "a"))
    overwrite(tmp_path / "a" / "3.mp4", where)
    found = describe_difference(before, marks(tmp_path / "a"))
    assert found == ("1 of 6 that were looked at differ" if is_noticed else None)


def test_of_a_large_list_a_sample_is_looked_at_and_every_size(tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprint, "SAMPLE_SIZE", 10)
    folder = folder_of_files(tmp_path / "a", count=30, size=100)
    before = marks(folder)
    assert len(before.sample.split()) == 10
    found = []
    for number in range(30):
        overwrite(folder / f"{number}.mp4", 0)
        found.append(describe_difference(before, marks(folder)))
        overwrite(folder / f"{number}.mp4", -7, b"longer, longer")
        assert describe_difference(before, marks(folder)) is not None
        shutil.rmtree(folder)
        folder_of_files(folder, count=30, size=100)
    assert found.count("1 of 10 that were looked at differ") == 10
    assert found.count(None) == 20


def test_files_that_are_not_there_tell_nothing(tmp_path):
    folder = folder_of_files(tmp_path / "a")
    listed = tmp_path / "list.csv"
    listed.write_text("path\n" + "".join(f"{folder}/{n}.mp4\n" for n in range(6)))
    before = marks(listed)
    (folder / "2.mp4").rename(tmp_path / "2.mp4")
    without = marks(listed)
    assert (before.num_absent, without.num_absent, without.sample.split().count("-")) == (0, 1, 1)
    assert describe_difference(before, without) is None
    assert describe_difference(without, before) is None
    overwrite(folder / "1.mp4", 0)
    assert describe_difference(before, marks(listed)) == "1 of 5 that were looked at differ"


def test_a_pipe_or_what_may_not_be_opened_does_not_stop_it(tmp_path):
    folder = folder_of_files(tmp_path / "a")
    before = marks(folder)
    (folder / "1.mp4").unlink()
    os.mkfifo(folder / "1.mp4")
    listed = tmp_path / "list.csv"
    listed.write_text("path\n" + "".join(f"{folder}/{n}.mp4\n" for n in range(6)))
    found = marks(listed)
    assert (found.num_absent, found.sample.split().count("-")) == (0, 1)
    assert describe_difference(before, found) == "some have another size"


def test_folders_of_frames_are_told_by_their_names_and_two_images(tmp_path):
    (tmp_path / "a").mkdir()
    folder = folder_of_files(tmp_path / "a" / "video")
    for path in folder.iterdir():
        path.rename(folder / f"img_{int(path.stem) + 1:05}.jpg")
    before = marks(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert marks(tmp_path / "b") == before
    overwrite(folder / "img_00001.jpg", 0)
    assert describe_difference(before, marks(tmp_path / "a")) == "1 of 1 that were looked at differ"
    (tmp_path / "b" / "video" / "img_00006.jpg").unlink()
    assert describe_difference(before, marks(tmp_path / "b")) is not None


def test_sizes_are_compared_where_the_same_files_are_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprint, "SAMPLE_SIZE", 0)
    folder = folder_of_files(tmp_path / "a", size=100)
    listed = tmp_path / "list.csv"
    listed.write_text("path\n" + "".join(f"{folder}/{n}.mp4\n" for n in range(6)))

    def without(number):
        (folder / f"{number}.mp4").rename(tmp_path / "gone")
        found = marks(listed)
        (tmp_path / "gone").rename(folder / f"{number}.mp4")
        return found

    one, other = without(2), without(3)
    assert one.num_absent == other.num_absent == 1
    assert describe_difference(one, other) is None
    overwrite(folder / "1.mp4", -7, b"longer, longer")
    assert describe_difference(one, without(2)) == "some have another size"
