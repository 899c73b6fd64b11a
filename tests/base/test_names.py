"""Names of any bytes: readable for people, exact for programs, short enough for a disk."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videomae2.base.files import atomic_write_text
from videomae2.base.names import dump_json, printable, printable_name, shorten_name, user_cache_dir

NAMES = [
    (b"caf\xe9.mp4", r"caf\xe9.mp4"),
    ("café ✓.mp4".encode(), "café ✓.mp4"),
    (b"a\nb", "a\nb"),
    (b"red\x1b[31m.mp4", r"red\x1b[31m.mp4"),
    (b"bell\x07\x7f", r"bell\x07\x7f"),
    ("right\u202eto left".encode(), r"right\u202eto left"),
    ("line\u2028end\x85".encode(), r"line\u2028end\x85"),
    (b"a\rb", r"a\x0db"),
]


@pytest.mark.parametrize(("name", "text"), NAMES)
def test_a_name_is_readable_and_harmless(name, text):
    assert printable(os.fsdecode(name)) == text


@pytest.mark.parametrize(("name", "text"), [*NAMES, (b"a\tb\r\n", r"a\tb\x0d\n")])
def test_a_name_is_one_line(name, text):
    line = printable_name(os.fsdecode(name))
    assert line == text.replace("\n", r"\n")
    assert line.splitlines() == [line]


@given(st.binary(max_size=40))
def test_json_gives_every_name_back(name):
    path = os.fsdecode(name)
    text = dump_json({"video": path})
    text.encode()
    assert os.fsencode(json.loads(text)["video"]) == name
    printable(path).encode()


def test_a_lone_surrogate_of_no_file_is_readable():
    assert printable("a\ud800b") == "a\\ud800b"
    assert json.loads(dump_json(["\ud800"])) == ["\ud800"]


@given(
    st.binary(min_size=1, max_size=255).filter(lambda name: b"/" not in name and b"\0" not in name)
)
def test_a_shortened_name_fits_with_its_endings(name):
    short = shorten_name(os.fsdecode(name))
    assert len(os.fsencode(short)) <= 180
    assert short == os.fsdecode(name) or len(name) > 180


def test_long_names_that_begin_alike_stay_apart():
    assert len({shorten_name("a" * 200 + ending) for ending in ("x", "y", "z" * 50)}) == 3


@pytest.mark.parametrize("length", [1, 200, 240, 255])
def test_a_file_of_any_name_is_written_whole(tmp_path, length):
    path = tmp_path / ("é" * (length // 2) or "a")
    atomic_write_text(path, "text")
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


def test_without_a_home_the_cache_is_temporary(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # no HOME and no such user
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert user_cache_dir().is_relative_to(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert str(user_cache_dir()) == "/cache/videomae2"


@pytest.mark.parametrize(("name", "_"), NAMES)
@pytest.mark.parametrize("indent", [None, 1])
def test_json_holds_no_controls(name, _, indent):
    value = {os.fsdecode(name): [os.fsdecode(name)]}
    text = dump_json(value, indent=indent)
    assert json.loads(text) == value
    assert printable(text) == text
