import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from videomae2.base.files import DIGESTS_FILE, atomic_replace_dir, atomic_write
from videomae2.errors import CheckpointError


def test_a_file_is_there_when_all_went_well(tmp_path):
    with atomic_write(tmp_path / "a.txt") as partial:
        partial.write_text("new")
        assert not (tmp_path / "a.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def fail_half_way(path):
    with atomic_write(path) as partial:
        partial.write_text("half")
        raise RuntimeError


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(RuntimeError):
        fail_half_way(tmp_path / "a.txt")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("name", ["a.txt", "[a]*.txt"])
def test_what_killed_processes_left_of_a_file_goes_and_what_others_write_stays(tmp_path, name):
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    node = os.uname().nodename
    gone = [f".{name}.{node}.{pid}.partial" for pid in (dead.pid, "9" * 30)]
    stays = [
        f".{name}.{node}.{os.getppid()}.partial",  # lives
        f".{name}.{node}.mine.partial",
        f".{name}.{node}2.{dead.pid}.partial",  # may live on the other machine
        f".b{name}.{node}.{dead.pid}.partial",
    ]
    own = tmp_path / f".{name}.{node}.{os.getpid()}.partial"
    for path in (*map(tmp_path.joinpath, (*gone, *stays)), own):
        path.write_text("half")
    with atomic_write(tmp_path / name) as partial:
        assert partial == own
        partial.write_text("new")
    assert {path.name for path in tmp_path.iterdir()} == {*stays, name}
    assert (tmp_path / name).read_text() == "new"


def test_a_folder_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path):
    folder = tmp_path / "best"
    atomic_replace_dir(folder, lambda new: (new / "a").write_text("old"))

    def fill(new, error):
        (new / "a").write_text("half")
        raise error

    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(CheckpointError, match=r"cannot save .*best: .*No space left on device"):
        atomic_replace_dir(folder, lambda new: fill(new, full))
    with pytest.raises(KeyboardInterrupt):
        atomic_replace_dir(folder, lambda new: fill(new, KeyboardInterrupt()))
    assert [path.name for path in tmp_path.iterdir()] == ["best"]
    assert (folder / "a").read_text() == "old"


def test_content_is_on_the_disk_before_its_name_is(tmp_path, monkeypatch):
    """A power cut after a rename would else leave an empty file of the right name."""
    seen, real = [], os.fsync

    def fsync(handle):
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        seen.append((str(path.relative_to(tmp_path)), sorted(os.listdir(tmp_path))))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with atomic_write(tmp_path / "a") as partial:
        partial.write_text("content")
    name = f".a.{os.uname().nodename}.{os.getpid()}.partial"
    assert seen == [(name, [name]), (".", ["a"])]
    seen.clear()
    atomic_replace_dir(tmp_path / "b", lambda new: (new / "c").write_text("content"))
    before = [".b.partial", "a"]
    assert sorted(seen[:2]) == [(f".b.partial/{name}", before) for name in ("c", DIGESTS_FILE)]
    assert seen[2:] == [(".b.partial", before), (".", ["a", "b"])]
