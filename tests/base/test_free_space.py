import os
from functools import partial

import pytest

from videomae2.base import files
from videomae2.base.files import check_writable
from videomae2.base.text import format_bytes
from videomae2.errors import CheckpointError

BOTH = pytest.mark.parametrize("check", [check_writable, partial(check_writable, dry_run=True)])


@BOTH
def test_a_folder_that_cannot_be_written_is_found_out_before(tmp_path, check):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot write to"):
        check(tmp_path / "file" / "run", 0)


@BOTH
@pytest.mark.parametrize(
    ("free", "needed", "words"),
    [
        (2**30, 3 * 2**30, "has 1.0 GiB free, .* need 3.0 GiB"),
        (9 * 2**20, 2**29, "9.0 MiB.* 512.0"),
    ],
)
def test_too_little_room_is_found_out_before(tmp_path, monkeypatch, check, free, needed, words):
    usage = files.shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(CheckpointError, match=words):
        check(tmp_path, needed)
    with pytest.raises(CheckpointError, match=r"; free some room, or sell it$"):
        check(tmp_path, needed, remedy="or sell it")


def test_what_would_happen_is_found_out_without_making_anything(tmp_path, monkeypatch):
    check_writable(tmp_path / "a" / "b", 10, dry_run=True)
    monkeypatch.chdir(tmp_path)
    check_writable(tmp_path.relative_to(tmp_path) / "a", 10, dry_run=True)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(CheckpointError, match=f"cannot write to .*b: {tmp_path} does not allow"):
        check_writable(tmp_path / "a" / "b", 10, dry_run=True)


def test_small_sizes_are_not_said_in_large_units():
    assert [format_bytes(size) for size in (5 * 2**19, 2**30 - 1, 3 * 2**30)] == [
        "2.5 MiB",
        "1024.0 MiB",
        "3.0 GiB",
    ]
