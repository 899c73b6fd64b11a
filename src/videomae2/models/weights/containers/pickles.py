"""Tensors out of files of PyTorch: nothing that could run code is let in, and it is named."""

import argparse
import pickletools
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from videomae2.base.file_kinds import is_regular_file
from videomae2.base.weight_files import describe_bad_weights, find_unsafe_packing
from videomae2.errors import CheckpointError

_MAX_SHOWN = 3
_ZIP_START = b"PK\x03\x04"
_KNOWN_MODULES = ("torch", "collections", "argparse", "_codecs")
"""Of what ``torch.load`` lets in, or of the command line that released files carry."""


def load_pickle(path: Path) -> Any:
    """Read what PyTorch saved: tensors, mapped from the file, and settings.

    Raises:
        CheckpointError: It cannot be read, or holds something that could run code, which is named.
    """
    if not (is_regular_file(path) and _may_be_pickled(path)):
        raise _refuse(path, describe_bad_weights(path, is_safetensors=False))
    if (problem := find_unsafe_packing(path)) is not None:
        raise _refuse(path, problem)
    with path.open("rb") as file:
        is_zip = file.read(4) == _ZIP_START
    try:
        # the released files carry their command line; nothing else but tensors is let in
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except Exception as error:  # a text taken for a pickle: any error, or advice to run the file
        names = _list_unknown_names(path) if is_zip else []
        problem = (
            f"holds {', '.join(names)} beside tensors, which may run code and is not loaded; where "
            "the file was made, torch.save(model.state_dict(), FILE) writes the weights alone"
            if names
            else describe_bad_weights(path, is_safetensors=False)
        )
        raise _refuse(path, problem) from error


def check_tensor(name: str, value: Tensor, path: Path) -> None:
    """Refuse a tensor that is none of numbers in memory, or says more of them than the file has."""
    if value.layout != torch.strided or value.is_quantized or value.device.type != "cpu":
        raise CheckpointError(f"{path} holds no weights: {name} is sparse, quantized or empty")
    if value.numel() == 0:
        raise CheckpointError(
            f"{path} holds no weights: {name} has no numbers, as in the parts of DeepSpeed's "
            "ZeRO 3, which its zero_to_fp32.py puts together"
        )
    if value.numel() * value.element_size() > path.stat().st_size:
        raise CheckpointError(
            f"{path} is damaged: {name} has {value.numel():,} numbers, more than the file holds"
        )


def _refuse(path: Path, problem: str) -> CheckpointError:
    return CheckpointError(f"cannot read {path}: it {problem}")


def _may_be_pickled(path: Path) -> bool:
    """Whether a file begins as PyTorch's do; it would take others for archives, and unpack them."""
    with path.open("rb") as file:
        return file.read(4).startswith((_ZIP_START, b"\x80"))


def _list_unknown_names(path: Path) -> list[str]:
    """The first classes and functions that its pickle names and nobody lets in; it is not run."""
    try:
        with zipfile.ZipFile(path) as archive:
            part = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            names = list(_iterate_global_names(archive.read(part)))
    except Exception:  # damaged: there is another sentence for it
        return []
    unknown = [name for name in names if name.split(".")[0] not in _KNOWN_MODULES]
    return list(dict.fromkeys(unknown))[:_MAX_SHOWN]


def _iterate_global_names(content: bytes) -> Any:
    texts: list[str] = []
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name == "GLOBAL":
            yield str(argument).replace(" ", ".")
        elif opcode.name == "STACK_GLOBAL" and len(texts) > 1:
            yield ".".join(texts[-2:])
        elif isinstance(argument, str):
            texts.append(argument)
