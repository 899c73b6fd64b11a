"""Tensors in safetensors files; a full disk is an ``OSError``, as for any file."""

import errno
import re
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from videomae2.errors import CheckpointError


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors of any device, in any layout.

    Raises:
        OSError: They cannot be written; with the system's number, such as that of a full disk.
    """
    try:
        save_file(
            {name: value.detach().cpu().contiguous() for name, value in tensors.items()}, path
        )
    except SafetensorError as error:
        code = re.search(r"\(os error (\d+)\)", str(error))  # it stands in the text only
        raise OSError(int(code[1]) if code else errno.EIO, str(error)) from error


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a file.

    Raises:
        CheckpointError: It is missing or not whole.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error
