"""Tensors in safetensors files; a full disk is an ``OSError``, as for any file."""

import errno
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from videomae2.base.file_kinds import is_regular_file
from videomae2.base.files import check_digest
from videomae2.base.weight_files import describe_bad_weights
from videomae2.errors import CheckpointError


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write tensors of any device, in any layout; ``metadata`` goes into the header.

    Raises:
        OSError: They cannot be written; with the system's number, such as that of a full disk.
    """
    try:
        path.touch()
        mode = stat.S_IMODE(path.stat().st_mode)
        values = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        save_file(values, path, metadata)
        path.chmod(mode)  # the library makes files for their owner alone
    except SafetensorError as error:
        code = re.search(r"\(os error (\d+)\)", str(error))  # it stands in the text only
        raise OSError(int(code[1]) if code else errno.EIO, str(error)) from error


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a file.

    Raises:
        CheckpointError: It is missing, not whole, or something else; says what, and what to do.
    """
    if not is_regular_file(path):
        raise CheckpointError(
            f"cannot read {path}: it {describe_bad_weights(path, is_safetensors=True)}"
        )
    check_digest(path)
    try:
        return load_file(path)
    except Exception as error:  # types that PyTorch lacks, headers that are none, a file cut off
        raise CheckpointError(
            f"cannot read {path}: it {describe_bad_weights(path, is_safetensors=True)}"
        ) from error
