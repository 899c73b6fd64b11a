"""Scores in a file that only grows: whose they are, and what becomes of them."""

import json

import numpy as np
import pytest

from videomae2.data.manifests.manifest import Entry
from videomae2.errors import ConfigError
from videomae2.inference.score_list import ScoreStore


def scores(value):
    return np.full((2, 3), value, np.float32)


def test_a_folder_of_frames_is_scored_again_when_an_image_is_overwritten_in_place(tmp_path):
    image = tmp_path / "walk" / "img_1.jpg"
    image.parent.mkdir()
    image.write_bytes(b"before")
    entry, book = Entry(str(image.parent), is_frames=True), ScoreStore(tmp_path / "x", (2, 3))
    book.add("walk", entry, scores(1))
    assert book.has("walk", entry)
    image.write_bytes(b"afterwards")
    assert not book.has("walk", entry)
    assert not ScoreStore(tmp_path / "x", (2, 3)).has("walk", entry)


def test_a_line_is_parsed_once(tmp_path, monkeypatch):
    book = ScoreStore(tmp_path / "x", (2, 3))
    for name in "abc":
        book.add(name, Entry(f"{name}.mp4"), scores(1))
    parsed, loads = [], json.loads
    monkeypatch.setattr(json, "loads", lambda line: parsed.append(line) or loads(line))
    assert ScoreStore(tmp_path / "x", (2, 3)).has("c", Entry("c.mp4"))
    assert len(parsed) == 3


@pytest.mark.parametrize("empty", [lambda path: path.write_bytes(b""), lambda path: path.unlink()])
def test_a_file_that_was_emptied_meanwhile_keeps_what_comes_after(tmp_path, empty):
    path = tmp_path / "x"
    book = ScoreStore(path, (2, 3))
    book.add("a", Entry("a.mp4"), scores(1))
    empty(path)
    for name, value in (("b", 2), ("c", 3)):
        book.add(name, Entry(f"{name}.mp4"), scores(value))
    assert [found[0, 0] for found in book.read(["b", "c"])] == [2, 3]
    with pytest.raises(ConfigError, match=r"x was changed by somebody else and .* scores of a; st"):
        list(book.read(["a"]))
    again = ScoreStore(path, (2, 3))
    assert [again.has(name, Entry(f"{name}.mp4")) for name in "abc"] == [False, True, True]
