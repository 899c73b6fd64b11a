"""What was saved is what is read: a digest of every file of a folder."""

import json

import pytest
import torch

from videomae2.base.files import DIGESTS_FILE, atomic_replace_dir, check_digest
from videomae2.errors import CheckpointError
from videomae2.tensors.files import load_tensors, save_tensors


@pytest.fixture
def folder(tmp_path):
    def write(folder):
        save_tensors(folder / "model.safetensors", {"w": torch.arange(100.0)})
        (folder / "config.json").write_text("{}")

    atomic_replace_dir(tmp_path / "saved", write)
    return tmp_path / "saved"


def flip(path, bit):
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def test_whole_files_pass(folder):
    assert set(json.loads((folder / DIGESTS_FILE).read_text())) == {
        "model.safetensors", "config.json",
    }  # fmt: skip
    assert load_tensors(folder / "model.safetensors")["w"].tolist() == list(range(100))


@pytest.mark.parametrize("bit", [8, 700, 8 * 300 + 5, -1])
def test_a_flipped_bit_is_noticed(folder, bit):
    path = folder / "model.safetensors"
    flip(path, bit % (8 * path.stat().st_size))
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged: it does not hold"):
        load_tensors(path)


@pytest.mark.parametrize("change", ["cut", "swapped", "empty"])
def test_other_content_is_noticed(folder, change):
    path = folder / "model.safetensors"
    if change == "swapped":
        save_tensors(path, {"w": torch.arange(100.0) + 1})
    else:
        path.write_bytes(path.read_bytes()[: -8 if change == "cut" else 0])
    with pytest.raises(CheckpointError, match="is damaged"):
        check_digest(path)


def test_a_folder_without_digests_is_taken_as_it_is(folder):
    path = folder / "model.safetensors"
    flip(path, 8 * path.stat().st_size - 1)  # the sign of the last number
    (folder / DIGESTS_FILE).unlink()
    assert load_tensors(path)["w"].tolist() == [*range(99), -99]


@pytest.mark.parametrize("text", ["", "[]", "{", "\0"])
def test_a_damaged_list_of_digests_is_said(folder, text):
    (folder / DIGESTS_FILE).write_text(text)
    with pytest.raises(CheckpointError, match=r"digests\.json"):
        load_tensors(folder / "model.safetensors")


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_weights_have_the_mode_of_other_files(tmp_path, umask):
    import os

    previous = os.umask(umask)
    try:
        save_tensors(tmp_path / "w.safetensors", {"w": torch.zeros(3)})
    finally:
        os.umask(previous)
    assert (tmp_path / "w.safetensors").stat().st_mode & 0o777 == 0o666 & ~umask


BROKEN = {
    "page.safetensors": (b"<!DOCTYPE html><html></html>\n", "it is a web page, not weights"),
    "pointer.safetensors": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
        "it is a pointer of Git LFS, not weights: fetch them with git lfs pull",
    ),
    "zip.safetensors": (b"PK\x03\x04" + bytes(90), "it is cut off after 94 bytes"),
    "empty.safetensors": (b"", "it is empty: download or copy it again"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_weights_is_named(tmp_path, name):
    content, reason = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        load_tensors(tmp_path / name)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
