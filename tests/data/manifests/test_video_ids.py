"""When two videos are the same."""

import pytest

from videomae2.data.manifests.manifest import Entry
from videomae2.data.splits.overlap import extract_video_id, format_entry_id, parse_video_id


def test_an_identity_is_the_whole_path_and_the_window():
    assert format_entry_id(Entry("a/001.mp4")) == "a/001.mp4"
    assert format_entry_id(Entry("a/./001.mp4")) == format_entry_id(Entry("a/001.mp4"))
    entries = [
        Entry("a/001.mp4"),
        Entry("b/001.mp4"),
        Entry("a/001.avi"),
        Entry("a/001.x.mp4"),
        Entry("a/001.mp4", first=30),
        Entry("a/001.mp4", first=30, frames=60),
        Entry("a/001.mp4", first=0, frames=60),
    ]
    assert len({format_entry_id(entry) for entry in entries}) == len(entries)
    assert format_entry_id(entries[5]) == "a/001.mp4[30:90]"


def test_ids_stand_where_the_rule_says():
    path = "k400/abseiling/-3B32lodo2M_000059_000069.mp4"
    assert extract_video_id(path, "youtube") == "-3B32lodo2M"
    assert extract_video_id("x/__NrybzYzUg.webm", "youtube") == "__NrybzYzUg"
    assert extract_video_id(path, "file-name") == "-3B32lodo2M_000059_000069"
    assert extract_video_id(path, "path") == path


def test_a_slash_at_the_end_of_a_folder_is_not_its_name():
    for rule in ("path", "file-name", "youtube"):
        folder = "k400/abseiling/-3B32lodo2M"
        assert extract_video_id(f"{folder}/", rule) == extract_video_id(folder, rule)


def test_ids_in_cells_may_be_names_of_files():
    for cell in ("-3B32lodo2M", "-3B32lodo2M_000059_000069", "a/-3B32lodo2M.mp4"):
        assert parse_video_id(cell, "youtube") == "-3B32lodo2M"
    assert [parse_video_id(cell, "file-name") for cell in ("one", "one.mp4", "one.v2")] == [
        "one", "one", "one.v2"]  # fmt: skip


def test_a_name_that_is_no_id_is_refused():
    with pytest.raises(ValueError, match="'video1' is no YouTube id of 11 characters"):
        extract_video_id("a/video1.mp4", "youtube")
