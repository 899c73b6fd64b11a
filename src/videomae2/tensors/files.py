"""Tensors in safetensors files; a full disk is an ``OSError``, as for any file."""

import errno
import re
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from videomae2.base.file_kinds import identify_content, suggest_remedy
from videomae2.base.files import check_digest
from videomae2.base.text import format_count
from videomae2.errors import CheckpointError


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors of any device, in any layout.

    Raises:
        OSError: They cannot be written; with the system's number, such as that of a full disk.
    """
    try:
        path.touch()
        mode = stat.S_IMODE(path.stat().st_mode)
        save_file(
            {name: value.detach().cpu().contiguous() for name, value in tensors.items()}, path
        )
        path.chmod(mode)  # the library makes files for their owner alone
    except SafetensorError as error:
        code = re.search(r"\(os error (\d+)\)", str(error))  # it stands in the text only
        raise OSError(int(code[1]) if code else errno.EIO, str(error)) from error


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a file.

    Raises:
        CheckpointError: It is missing, not whole, or not what was saved.
    """
    check_digest(path)
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read {path}: {describe_problem(path, error)}") from error


def describe_problem(path: Path, error: Exception) -> str:
    """Say why a file holds no tensors: what browsers and Git leave in its place, or the error."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as open_error:
        return (open_error.strerror or str(open_error)).lower()
    size = f"it has {format_count(path.stat().st_size, 'byte', ',')}"
    if head[:4] == b"PK\x03\x04" and zipfile.is_zipfile(path):
        return "it holds more than tensors and settings"
    if head[:4] == b"PK\x03\x04":
        return f"it is cut off or damaged ({size}); download or copy it again"
    if kind := identify_content(head):
        remedy = suggest_remedy(kind) if "pointer" in kind else ": download it again"
        return f"it is {kind}, not weights{remedy}"
    reason = str(error).splitlines()[0] if isinstance(error, OSError | SafetensorError) else ""
    return f"{reason or 'it is no file of weights'} ({size})"
