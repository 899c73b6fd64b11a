"""Videos that two lists have in common, by whatever paths they name them."""

import pytest

from videomae2.data.manifests.manifest import Entry
from videomae2.data.splits.overlap import find_overlap


@pytest.fixture
def there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a" / "frames").mkdir(parents=True)
    (tmp_path / "a" / "v.mp4").write_bytes(b"v")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "link.mp4").symlink_to("a/v.mp4")
    return tmp_path


@pytest.mark.parametrize(
    "other", ["a/v.mp4", "./a/v.mp4", "b/v.mp4", "link.mp4", "a/../link.mp4", "{here}/a/v.mp4"]
)
def test_a_file_is_the_same_by_every_path(there, other):
    other = Entry(other.format(here=there))
    assert find_overlap([Entry("a/v.mp4")], [Entry("c/v.mp4"), other]) == [other]


@pytest.mark.parametrize("other", ["a/frames/", "b/frames", "a/frames/.", "a/frames/x/.."])
def test_a_folder_of_frames_is_the_same_by_every_path(there, other):
    (there / "a" / "frames" / "x").mkdir()
    assert find_overlap([Entry("a/frames")], [Entry(other)]) == [Entry(other)]


def test_windows_of_one_file_are_apart(there):
    first, second = Entry("a/v.mp4", first=0, frames=8), Entry("link.mp4", first=8, frames=8)
    assert find_overlap([first], [second]) == []
    assert find_overlap([first, second], [second]) == [second]
