import json
import os
import threading
import time

import numpy as np
import pytest

from tests.helpers.full_disk import largest_file
from videomae2.data.loading import quarantine
from videomae2.data.loading.quarantine import Quarantine, find_changed_files
from videomae2.data.manifests.fingerprint import file_stat
from videomae2.data.manifests.manifest import Manifest
from videomae2.errors import TooManyUnreadableError, VideoError


def manifest(root, names, windows=None):
    """A list of whole videos, or of windows (first, frames) of them."""
    windows = windows or [(0, -1)] * len(names)
    first, frames = np.array(windows, np.int32).T
    return Manifest(
        source="list.txt",
        root=str(root),
        paths=list(names),
        lines=np.arange(1, len(names) + 1, dtype=np.int32),
        first=np.ascontiguousarray(first),
        frames=np.ascontiguousarray(frames),
        labels=np.full(len(names), -1, np.int32),
        is_frames=np.zeros(len(names), bool),
    )


@pytest.fixture
def videos(tmp_path):
    (tmp_path / "videos").mkdir()
    names = [f"{n}.mp4" for n in range(20)]
    for name in names:
        (tmp_path / "videos" / name).write_bytes(b"broken")
    return manifest(tmp_path / "videos", names)


def opened(folder, *manifests, max_share=0.5):
    return Quarantine(folder, manifests, max_share=max_share)


def fail(listed, videos, number, *, request=0, reason="it is empty"):
    listed.add((0, number), VideoError(videos[number].path, reason), request)


def lines(folder):
    return [json.loads(line) for line in (folder / "unreadable.jsonl").read_text().splitlines()]


def test_each_video_is_listed_once_with_its_reason(tmp_path, videos):
    listed = opened(tmp_path, videos)
    for request in (7, 9):
        fail(listed, videos, 3, request=request)
    (line,) = lines(tmp_path)
    assert (line["path"], line["reason"]) == (videos[3].path, "it is empty")
    assert (line["window"], line["request"]) == ("", 7)


def test_a_folder_of_frames_names_the_image_that_is_broken(tmp_path):
    (tmp_path / "set" / "walk").mkdir(parents=True)
    folder = manifest(tmp_path / "set", ["walk"])
    listed = opened(tmp_path, folder, max_share=1.0)
    for image in ("img_2.jpg", "img_7.jpg"):
        path = os.path.join(folder[0].path, image)
        listed.add((0, 0), VideoError(path, "it is cut off"))
    assert listed.reasons == {(0, 0): "img_2.jpg: it is cut off"}
    assert opened(tmp_path, folder, max_share=1.0).is_skipped((0, 0), 0)


def test_before_its_first_failure_a_video_is_read(tmp_path, videos):
    listed = opened(tmp_path, videos)
    fail(listed, videos, 0, request=40)
    for one in (listed, opened(tmp_path, videos)):
        assert [one.is_skipped((0, 0), request) for request in (39, 40, 41)] == [False, True, True]
        assert not one.is_skipped((0, 1), 100)


def test_the_earliest_failure_counts(tmp_path, videos):
    listed = opened(tmp_path, videos)
    for request in (40, 30, 35):
        fail(listed, videos, 0, request=request)
    for one in (listed, opened(tmp_path, videos)):
        assert one.is_skipped((0, 0), 30)
        assert not one.is_skipped((0, 0), 29)
    assert len(opened(tmp_path, videos).reasons) == 1


def test_a_run_that_goes_on_remembers_in_whole_lines(tmp_path, videos):
    fail(opened(tmp_path, videos), videos, 0)
    with (tmp_path / "unreadable.jsonl").open("a") as file:
        file.write('{"path": "y", "rea')  # killed while writing
    again = opened(tmp_path, videos)
    fail(again, videos, 1)
    assert [line["number"] for line in lines(tmp_path)] == [0, 1]


def test_a_full_disk_loses_no_line(tmp_path, videos):
    listed = opened(tmp_path, videos)
    fail(listed, videos, 0)
    size = (tmp_path / "unreadable.jsonl").stat().st_size
    with largest_file(size + 20):
        fail(listed, videos, 1)
        with pytest.raises(OSError, match="File too large"):
            listed.fsync()
    fail(listed, videos, 2)
    listed.fsync()
    assert [line["number"] for line in lines(tmp_path)] == [0, 1, 2]


def test_a_video_that_was_repaired_is_forgotten(tmp_path, videos):
    listed = opened(tmp_path, videos)
    for number in (0, 1, 2):
        fail(listed, videos, number)
    with open(videos[1].path, "wb") as file:
        file.write(b"whole again")
    again = opened(tmp_path, videos)
    assert again.retried == {(0, 1)}
    assert [again.is_skipped((0, number), 9) for number in (0, 1, 2)] == [True, False, True]
    assert [line["number"] for line in lines(tmp_path)] == [0, 2]


def test_a_folder_is_repaired_by_one_image_and_a_missing_file_by_being_there(tmp_path):
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "img_0.jpg").write_bytes(b"broken")
    some = manifest(tmp_path, ["walk", "missing.mp4"])
    listed = opened(tmp_path, some, max_share=1.0)
    fail(listed, some, 0)
    fail(listed, some, 1)
    assert not opened(tmp_path, some, max_share=1.0).retried
    (tmp_path / "walk" / "img_0.jpg").write_bytes(b"in order")
    (tmp_path / "missing.mp4").write_bytes(b"there")
    assert len(opened(tmp_path, some, max_share=1.0).retried) == 2


def test_the_list_holds_wherever_the_videos_lie(tmp_path, videos):
    fail(opened(tmp_path, videos), videos, 4)
    os.rename(tmp_path / "videos", tmp_path / "moved")
    moved = manifest(tmp_path / "moved", videos.paths)
    assert opened(tmp_path, moved).is_skipped((0, 4), 0)


def test_too_large_a_share_stops_the_run_and_names_the_ways_out(tmp_path, videos):
    listed = opened(tmp_path, videos, max_share=0.05)
    fail(listed, videos, 0, reason="broken")
    with pytest.raises(
        TooManyUnreadableError, match=r"2 of 20 videos .*max-unreadable-share 0.05.*0.mp4: broken"
    ) as caught:
        fail(listed, videos, 1)
    assert f"or delete {tmp_path / 'unreadable.jsonl'} to try all of them" in str(caught.value)


def test_a_bad_window_leaves_the_others_of_its_video(tmp_path):
    windows = [(first, 10) for first in range(0, 200, 10)]
    some = manifest(tmp_path, ["walk"] * 20, windows)
    listed = opened(tmp_path, some, max_share=0.05)
    fail(listed, some, 9)
    assert listed.is_skipped((0, 9), 5)
    assert not listed.is_skipped((0, 8), 5)
    (line,) = lines(tmp_path)
    assert line["window"] == "[90:100]"
    with pytest.raises(TooManyUnreadableError, match=r"2 of 20 .*walk\[90:100\]: "):
        fail(listed, some, 10)


def test_a_stray_byte_in_the_list_is_a_damaged_line(tmp_path, videos):
    listed = opened(tmp_path, videos)
    fail(listed, videos, 0)
    fail(listed, videos, 1)
    with (tmp_path / "unreadable.jsonl").open("ab") as file:
        file.write(b"\xff\n")
    with open(videos[1].path, "wb") as file:
        file.write(b"whole again")
    assert find_changed_files(tmp_path) == {videos[1].path}


def test_a_line_of_no_video_is_left_out(tmp_path, videos):
    fail(opened(tmp_path, videos), videos, 0)
    (line,) = lines(tmp_path)
    with (tmp_path / "unreadable.jsonl").open("a") as file:
        file.write(json.dumps(line | {"number": 99}) + "\n")
    assert opened(tmp_path, videos).reasons.keys() == {(0, 0)}
    assert lines(tmp_path) == [line]


@pytest.fixture
def hanging(monkeypatch):
    """Files do not answer until it is set."""
    free = threading.Event()

    def late(path):
        free.wait(60)
        return file_stat(path)

    monkeypatch.setattr(quarantine, "file_stat", late)
    yield free
    free.set()


def test_saving_does_not_wait_for_a_file_that_does_not_answer(tmp_path, videos, hanging):
    listed = opened(tmp_path, videos)
    adding = threading.Thread(target=fail, args=(listed, videos, 3), daemon=True)
    securing = threading.Thread(target=listed.fsync, daemon=True)
    adding.start()
    while not listed.reasons:
        time.sleep(0.001)
    securing.start()
    securing.join(2)
    assert not securing.is_alive()
    hanging.set()
    adding.join(2)
    assert [line["number"] for line in lines(tmp_path)] == [3]
