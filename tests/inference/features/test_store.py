"""Folders of features: whole or not there, shared by processes, and what is refused."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from videomae2.base.lock import NameLocks
from videomae2.data.manifests.manifest import Entry
from videomae2.data.manifests.read import read_manifest
from videomae2.errors import CheckpointError, ConfigError
from videomae2.inference.features.naming import name_in_cache, name_videos
from videomae2.inference.features.store import FeatureStore, FeatureVideo, VideoTimes, count_done
from videomae2.inference.features.writing import WritableStore

SETTINGS = {"backbone": "abc", "views": {"clips": (1, 2)}}
TIMES = VideoTimes(frames=30, fps=25.0, duration=1.2, starts=(0.0, 0.16), stops=(0.64, 0.8))


@pytest.fixture
def videos(tmp_path):
    for name in "abc":
        (tmp_path / name).write_bytes(b"video")
    return [FeatureVideo(f"in/{name}", Entry(str(tmp_path / name))) for name in "abc"]


def write(store, video, value=1.0):
    array = store.open_array(video, (2, 3), np.float32)
    array.append(np.full((1, 3), value))
    array.append(np.full((1, 3), value + 1))
    store.finish(video, array, TIMES)


def test_what_is_written_is_read_and_half_of_it_is_not_there(tmp_path, videos):
    folder = tmp_path / "features"
    with WritableStore(folder, SETTINGS, constants={"stride": 4}) as store:
        write(store, videos[0])
        store.mark_unreadable(videos[1], "broken")
        half = store.open_array(videos[2], (2, 3), np.float32)
        half.append(np.ones((1, 3)))
        with pytest.raises(ValueError, match="1 of 2 windows"):
            store.finish(videos[2], half, TIMES)
        half.discard()
        assert [store.is_pending(video) for video in videos] == [False, False, True]
    store = FeatureStore(folder)
    assert store.rows["in/a"].times == TIMES
    assert store.load("in/a").tolist() == [[1.0] * 3, [2.0] * 3]
    assert store.unreadable == {"in/b": "broken"}
    assert count_done([store], videos) == 1
    line = json.loads((folder / "features.jsonl").read_text().splitlines()[0])
    assert (line["stride"], line["fps"], line["starts"]) == (4, 25.0, [0.0, 0.16])
    with WritableStore(folder, SETTINGS) as again:
        assert [again.is_pending(video) for video in videos] == [False, True, True]
        write(again, videos[1])
    assert FeatureStore(folder).unreadable == {}


@pytest.mark.parametrize("damage", ["short", "gone", "other", "line"])
def test_what_is_damaged_or_of_another_file_is_done_again(tmp_path, videos, damage):
    folder = tmp_path / "features"
    with WritableStore(folder, SETTINGS) as store:
        write(store, videos[0])
        write(store, videos[1])
    array, table = folder / "in" / "a.npy", folder / "features.jsonl"
    if damage == "short":
        os.truncate(array, array.stat().st_size - 1)
    elif damage == "gone":
        array.unlink()
    elif damage == "other":
        (tmp_path / "a").write_bytes(b"another video")
    else:
        lines = table.read_bytes().splitlines(keepends=True)
        table.write_bytes(lines[1] + lines[0][:-5])  # cut off by a killed process
    with WritableStore(folder, SETTINGS) as store:
        assert [store.is_pending(video) for video in videos[:2]] == [True, False]
        write(store, videos[0], 5.0)
        assert not store.is_pending(videos[0])
    assert FeatureStore(folder).load("in/a")[0, 0] == 5


def test_two_that_fill_a_folder_see_what_the_other_has_done(tmp_path, videos):
    folder = tmp_path / "features"
    with WritableStore(folder, SETTINGS) as one:
        other = FeatureStore(folder)
        write(one, videos[0])
        assert other.rows == {}
        other.refresh()
        assert list(other.rows) == ["in/a"]


def test_a_lock_on_a_name_excludes_other_processes_and_ends_with_them(tmp_path):
    program = (
        "import sys; from pathlib import Path; from videomae2.base.lock import NameLocks\n"
        f"locks = NameLocks(Path({str(tmp_path)!r}))\n"
        "print(locks.try_acquire('a'), locks.try_acquire('b'), flush=True); sys.stdin.read()"
    )
    locks = NameLocks(tmp_path)
    assert locks.try_acquire("a")
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "False True\n"
        assert not locks.try_acquire("b")
        process.kill()
        process.wait()
        assert locks.try_acquire("b")
    locks.close()


def test_features_that_were_made_otherwise_are_refused(tmp_path, videos):
    folder = tmp_path / "features"
    with WritableStore(folder, SETTINGS):
        pass
    with pytest.raises(ConfigError, match=r"made otherwise.*\n  backbone: abc before → def now"):
        WritableStore(folder, SETTINGS | {"backbone": "def"})
    for name, words in (("a", "is a file"), (".", "holds something else than features")):
        with pytest.raises(ConfigError, match=words):
            WritableStore(tmp_path / name, SETTINGS)
    (folder / "provenance.json").write_text("[")
    with pytest.raises(CheckpointError, match="cannot read"):
        FeatureStore(folder)


def test_videos_are_named_by_their_files_and_by_more_where_that_is_not_enough(tmp_path):
    def names(text):
        (tmp_path / "list.csv").write_text(text)
        return [v.name for v in name_videos(read_manifest(tmp_path / "list.csv"))]

    (tmp_path / "a").mkdir()
    for name in ("a/x.mp4", "y.v2.mp4"):
        (tmp_path / name).touch()
    assert names("path\na/x.mp4\ny.v2.mp4\n") == ["x", "y.v2"]
    assert names("path\na/x.mp4\nb/x.mp4\n") == ["a/x", "b/x"]
    assert names("path\na/x.mp4\na/x.avi\n../x.avi\n") == ["a/x.mp4", "a/x.avi", "x.avi"]
    assert names("path,first,frames\na/x.mp4,0,9\na/x.mp4,9,8\n") == ["x@0-8", "x@9-16"]
    assert names("path,start,end\na/x.mp4,1.5,3\na/x.mp4,3,4\n") == ["x@1.5s-3s", "x@3s-4s"]


def test_in_a_cache_the_path_and_the_window_tell_videos_apart(tmp_path):
    entry = Entry(str(tmp_path / "a.mp4"))
    found = {
        name_in_cache(each).name
        for each in (entry, replace(entry, first=1), Entry(str(tmp_path / "b" / "a.mp4")))
    }
    assert len(found) == 3
    assert all(name.startswith("a-") for name in found)
