"""What a browser, git or a full disk leaves in the place of weights is named, with what helps."""

import io
import tarfile
import zipfile

import pytest
import torch
from safetensors.torch import save

from videomae2.errors import CheckpointError
from videomae2.models.weights.containers.source import read_source

PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>no</body></html>\n"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 88\n"


def pickled(state):
    out = io.BytesIO()
    torch.save(state, out)
    return out.getvalue()


def archive(kind):
    out = io.BytesIO()
    if kind == "tar":
        with tarfile.open(fileobj=out, mode="w") as box:
            box.addfile(tarfile.TarInfo("w"), io.BytesIO())
    else:
        with zipfile.ZipFile(out, "w") as box:
            box.writestr("readme.txt", "hello")
    return out.getvalue()


STATE = {"a": torch.arange(5000.0), "b": torch.zeros(3)}
WHOLE = {"w.pth": pickled(STATE), "w.safetensors": save(STATE)}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PAGE, "is a web page, not weights: download it again"),
        (b"\n <html>429</html>", "is a web page, not weights: download it again"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "is a web page"),
        (POINTER, "is a pointer of Git LFS, not weights: fetch them with git lfs pull"),
        (b"", "is empty: download or copy it again"),
        (b'{"message": "rate limit"}', "is JSON, not weights"),
        (archive("tar"), "is a tar archive, not weights: unpack it first"),
        (b"\x1f\x8b" + bytes(50), "is a gzip archive, not weights: unpack it first"),
        (b"\x89HDF\r\n\x1a\n" + bytes(50), "is HDF5, as Keras writes"),
        (bytes(5000), "is damaged, or no safetensors|is no file of weights, is cut off"),
    ],
)
def test_what_is_no_weights_is_named(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"^cannot read .*{name}: it ({said})") as caught:
        read_source(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("kept", [0.999, 0.9, 0.5, 0.1])
def test_a_file_cut_off_is_told_with_its_bytes(tmp_path, name, kept):
    content = WHOLE[name][: int(len(WHOLE[name]) * kept)]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=f"is cut off after {len(content):,} ") as caught:
        read_source(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_one_kind_called_the_other_is_told(tmp_path):
    (tmp_path / "a.pth").write_bytes(WHOLE["w.safetensors"])
    with pytest.raises(CheckpointError, match=r"is safetensors: call it .safetensors"):
        read_source(tmp_path / "a.pth")
    (tmp_path / "a.safetensors").write_bytes(WHOLE["w.pth"])
    with pytest.raises(CheckpointError, match=r"is what PyTorch writes, .*: call it .pth"):
        read_source(tmp_path / "a.safetensors")
    (tmp_path / "b.pth").write_bytes(archive("zip"))
    with pytest.raises(CheckpointError, match="is damaged, or holds more than tensors"):
        read_source(tmp_path / "b.pth")


def test_a_tensor_that_says_more_numbers_than_the_file_holds_is_refused(tmp_path):
    for value in (torch.zeros(1).expand(2**40), torch.zeros(2, dtype=torch.half).expand(2**20, 2)):
        torch.save({"a": value}, tmp_path / "w.pth")
        with pytest.raises(CheckpointError, match=r"is damaged: a has [0-9,]+ numbers, more than"):
            read_source(tmp_path / "w.pth")
    torch.save({"a": torch.eye(3).to_sparse()}, tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match="a is sparse"):
        read_source(tmp_path / "w.pth")


def repack(content, compression, *, stated=None, count=1):
    """A file of PyTorch packed anew, its pickle as often as is said, with another stated size."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(out, "w", compression) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
        for part in list(new.filelist)[:1] * (count - 1):
            new.filelist.append(part)
        for part in new.filelist if stated else ():
            part.file_size = part.compress_size = stated
    return out.getvalue()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"compression": zipfile.ZIP_DEFLATED}, "has compressed parts, which PyTorch never writes"),
        ({"compression": zipfile.ZIP_BZIP2}, "has compressed parts"),
        ({"compression": zipfile.ZIP_LZMA}, "has compressed parts"),
        ({"compression": zipfile.ZIP_STORED, "stated": 10**8}, "parts are [0-9,]+ bytes, and it"),
        ({"compression": zipfile.ZIP_STORED, "count": 500}, "parts are [0-9,]+ bytes, and it"),
    ],
)
def test_no_pickle_is_larger_than_its_file(tmp_path, monkeypatch, options, said):
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was unpacked"))
    bomb = pickled({"a": torch.zeros(3), "n": [5] * 100_000})
    (tmp_path / "w.pth").write_bytes(repack(bomb, **options))
    with pytest.raises(CheckpointError, match=rf"^cannot read .*w.pth: it .*{said}") as caught:
        read_source(tmp_path / "w.pth")
    assert "\n" not in str(caught.value)


def test_what_is_packed_without_compression_is_read(tmp_path):
    (tmp_path / "w.pth").write_bytes(repack(WHOLE["w.pth"], zipfile.ZIP_STORED))
    assert set(read_source(tmp_path / "w.pth").tensors) == set(STATE)
