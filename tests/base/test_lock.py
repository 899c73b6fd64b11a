"""One process at a time writes to a folder; a lock ends with its process."""

import errno
import fcntl
import logging
import subprocess
import sys

import pytest

from videomae2.base.lock import FolderLock
from videomae2.errors import CheckpointError

HOLD = """
import sys
from pathlib import Path
from videomae2.base.lock import FolderLock
with FolderLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_lock_is_refused_with_what_goes_on_and_what_to_choose(tmp_path):
    with (
        FolderLock(tmp_path, activity="extracting features", flag="--cache-dir"),
        pytest.raises(CheckpointError, match=r"process is probing in .*choose another --cache-dir"),
        FolderLock(tmp_path, activity="probing", flag="--cache-dir"),
    ):
        pass
    with FolderLock(tmp_path):
        pass


def test_the_lock_of_a_killed_process_is_gone(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(CheckpointError, match="another process"), FolderLock(tmp_path):
            pass
        process.kill()
        process.wait()
    with FolderLock(tmp_path):
        pass


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_there_are_no_locks_it_is_said_once_and_goes_on(tmp_path, monkeypatch, caplog, code):
    def missing(*_):
        raise OSError(code, "No locks available")

    monkeypatch.setattr(fcntl, "flock", missing)
    with caplog.at_level(logging.WARNING, "videomae2"), FolderLock(tmp_path):
        pass
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path} cannot be locked (No locks available): do not let two processes write there "
        "at once"
    ]
