import os

import pytest

from videomae2.base import jsonl
from videomae2.base.file_kinds import read_regular_file
from videomae2.base.jsonl import JsonLines
from videomae2.errors import CheckpointError


def test_lines_wait_in_memory_while_the_disk_is_full(tmp_path):
    lines = JsonLines(tmp_path / "x.jsonl", keep_line=lambda _: True)
    lines.add({"a": 1})
    assert lines.flush()
    lines.path.chmod(0o400)
    lines.path.rename(tmp_path / "away")
    lines.path.mkdir()  # whoever runs the test, a folder cannot be opened for writing
    lines.add({"b": 2})
    assert not lines.flush()
    lines.path.rmdir()
    (tmp_path / "away").rename(lines.path)
    lines.path.chmod(0o600)
    assert lines.flush()
    assert lines.path.read_text() == '{"a": 1}\n{"b": 2}\n'


def reopened(path, content, keep=lambda _: True):
    path.write_bytes(content)
    lines = JsonLines(path, keep_line=keep)
    lines.add({"new": 1})
    assert lines.flush()
    return path.read_bytes()


BROKEN = [b'{"a": 1', b'{"a": 1}', b"\xff\xfe\n", b"7\n", b'{"b": 2}\n']


@pytest.mark.parametrize("end", BROKEN)
def test_what_is_broken_goes_and_what_follows_is_whole(tmp_path, end):
    def keep(line):
        return line["a"] > 0

    found = reopened(tmp_path / "x", b'{"a": 1}\n{"a": 2}\n' + end, keep)
    assert found == b'{"a": 1}\n{"a": 2}\n{"new": 1}\n'


def test_a_line_in_the_middle_may_go(tmp_path):
    found = reopened(tmp_path / "x", b'{"a": 1}\n{"a": 0}\n{"a": 2}\n', lambda line: line["a"] > 0)
    assert found == b'{"a": 1}\n{"a": 2}\n{"new": 1}\n'
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_to_cut_off_the_end_needs_no_room(tmp_path, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(jsonl, "atomic_write", full)
    assert reopened(tmp_path / "x", b'{"a": 1}\n{"a"') == b'{"a": 1}\n{"new": 1}\n'
    with pytest.raises(CheckpointError, match=r"cannot go on with .*x: No space left"):
        reopened(tmp_path / "x", b'nothing\n{"a": 1}\n')


def test_lines_are_secure_or_it_is_said(tmp_path):
    lines = JsonLines(tmp_path / "x", keep_line=lambda _: True)
    lines.fsync()
    lines.add({"a": 1})
    lines.path.mkdir()
    with pytest.raises(OSError, match="directory"):
        lines.fsync()
    lines.path.rmdir()
    lines.fsync()
    assert lines.path.read_text() == '{"a": 1}\n'


@pytest.mark.parametrize("empty", [lambda path: path.write_bytes(b""), lambda path: path.unlink()])
def test_a_file_that_was_emptied_or_deleted_meanwhile_goes_on_with_whole_lines(tmp_path, empty):
    lines = JsonLines(tmp_path / "x", keep_line=lambda _: True)
    lines.add({"a": 1})
    lines.fsync()
    empty(lines.path)
    for number in (2, 3):
        lines.add({"a": number})
        lines.fsync()
    assert lines.path.read_text() == '{"a": 2}\n{"a": 3}\n'


@pytest.mark.parametrize("kind", ["/dev/full", "/dev/zero", "/dev/null", "pipe"])
def test_what_is_no_file_is_refused_and_not_read(tmp_path, kind):
    if kind == "pipe":
        os.mkfifo(tmp_path / "x")
    else:
        (tmp_path / "x").symlink_to(kind)
    with pytest.raises(CheckpointError, match="it leads to a pipe or a device"):
        JsonLines(tmp_path / "x", keep_line=lambda _: True)
    with pytest.raises(OSError, match="a file is wanted; delete it"):
        read_regular_file(tmp_path / "x")
