"""Why a file of weights cannot be read, and what to do: told by its size and its first bytes."""

import json
import os
from pathlib import Path

from videomae2.base.file_kinds import identify_content, is_regular_file

_AGAIN = "download or copy it again"
_HEAD_BYTES, _END_BYTES = 4096, 66_000
_END_OF_ZIP = b"PK\x05\x06"
_MAX_HEADER_BYTES = 100_000_000  # of safetensors, as its own code has it
_REMEDIES = {
    "XML or HTML": "is a web page, not weights: download it again, perhaps signed in",
    "a pointer of Git LFS": "is a pointer of Git LFS, not weights: fetch them with git lfs pull",
    "HDF5": "is HDF5, as Keras writes, not weights of PyTorch",
    "a GGUF file": "is a GGUF file, whose models are none of videos",
}


def describe_bad_weights(path: Path, *, is_safetensors: bool) -> str:
    """Say why a file that could not be read holds no weights, for a sentence about it.

    ``is_safetensors``: it was read as safetensors, else as what PyTorch writes.
    """
    if not path.exists():
        return "does not exist"
    if not is_regular_file(path):
        return "is no file"
    size = os.path.getsize(path)
    if size == 0:
        return f"is empty: {_AGAIN}"
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(max(0, size - _END_BYTES))
        end = file.read()
    kind = identify_content(head)
    if kind in _REMEDIES:
        return _REMEDIES[kind]
    if kind == "a ZIP archive":
        return _describe_zip(size, end, is_safetensors=is_safetensors)
    if kind is not None:
        is_archive = "archive" in kind
        return f"is {kind}, not weights{': unpack it first' if is_archive else ''}"
    if head.lstrip()[:1] in (b"{", b"["):
        return f"is JSON, not weights: {_AGAIN}"
    return _describe_safetensors(path, size, head, is_safetensors=is_safetensors)


def find_unsafe_packing(path: Path) -> str | None:
    """Why an archive of PyTorch is not even opened, for a sentence about it; None if it may be.

    A few bytes can stand for a pickle of millions of objects, where parts are compressed or say
    more bytes than the file has.
    """
    import zipfile

    with path.open("rb") as file:
        if identify_content(file.read(_HEAD_BYTES)) != "a ZIP archive":
            return None
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except Exception:  # of damaged ones zipfile raises anything
        return describe_bad_weights(path, is_safetensors=False)
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
        return (
            "has compressed parts, which PyTorch never writes, and is not loaded: if weights were "
            "packed into it, unpack it first"
        )
    stated, size = sum(part.file_size for part in parts), os.path.getsize(path)
    if stated > size:
        return f"is damaged: its parts are {stated:,} bytes, and it has {size:,}; {_AGAIN}"
    return None


def _describe_zip(size: int, end: bytes, *, is_safetensors: bool) -> str:
    if _END_OF_ZIP not in end:
        return f"is cut off after {size:,} bytes: {_AGAIN}"
    if is_safetensors:
        return "is what PyTorch writes, not safetensors: call it .pth"
    return (
        "is damaged, or holds more than tensors and settings, which may be harmful and is not "
        "loaded"
    )


def _describe_safetensors(path: Path, size: int, head: bytes, *, is_safetensors: bool) -> str:
    """What its header says is missing, if it has one."""
    header_bytes = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and 0 < header_bytes <= _MAX_HEADER_BYTES:
        if not is_safetensors:
            return "is safetensors: call it .safetensors"
        if size < 8 + header_bytes:
            return f"is cut off after {size:,} bytes, within its header: {_AGAIN}"
        wanted = _read_wanted_size(path, header_bytes)
        if wanted is not None and size < wanted:
            return f"is cut off after {size:,} of {wanted:,} bytes: {_AGAIN}"
        return f"is damaged: {_AGAIN}"
    if is_safetensors:
        return f"is damaged, or no safetensors: {_AGAIN}"
    return (
        "is no file of weights, is cut off, or holds more than tensors and settings, which may be "
        "harmful and is not loaded"
    )


def _read_wanted_size(path: Path, header_bytes: int) -> int | None:
    """Where the last tensor ends, as the header says; None if it says nothing of use."""
    with path.open("rb") as file:
        file.seek(8)
        content = file.read(header_bytes)
    try:
        ends = [
            entry["data_offsets"][1]
            for name, entry in json.loads(content).items()
            if name != "__metadata__"
        ]
        return 8 + header_bytes + max(map(int, ends))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
