"""Released weights: read from their files, told by their shapes, translated both ways, strictly.

Ours differ in two places. The patch embedding is a matrix over the values of a cube in the order
(frame, row, column, channel), where the released one is a 3-d convolution. A classifier's encoder
is a part with a name here, where the released one has its weights at the top.
"""

import argparse
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from videomae2.base.file_kinds import is_regular_file
from videomae2.base.schema import repr_value
from videomae2.base.weight_files import describe_bad_weights, find_unsafe_packing
from videomae2.errors import CheckpointError
from videomae2.models.encoder import SIZES, EncoderConfig
from videomae2.tensors.files import load_tensors
from videomae2.tensors.grid import Cubes
from videomae2.tensors.pixels import IMAGENET_MEAN

_PATCH_EMBED_KEY = "patch_embed.proj.weight"
_TRANSFORMERS_PATTERN = re.compile(r"(?:^|\.)encoder\.layer\.\d+\.")
_BLOCK_PATTERN = re.compile(r"(?:encoder\.)?blocks\.(\d+)\.")
OFFICIAL_FRAMES, OFFICIAL_SIDE = 16, 224
"""Of the clips of every released model but a few of 32 frames, which do not say so."""


def resize_clips(
    config: EncoderConfig, path: Path, frames: int | None, side: int | None
) -> EncoderConfig:
    """The encoder for clips of another size, where one is given; ``path`` is for the message.

    Raises:
        CheckpointError: If such clips do not split into its cubes.
    """
    config = replace(
        config,
        frames=config.frames if frames is None else frames,
        height=config.height if side is None else side,
        width=config.width if side is None else side,
    )
    try:
        _ = config.cubes
    except ValueError as error:
        raise CheckpointError(f"{path} cannot read such clips: {error}") from error
    return config


def infer_official_encoder(state: Mapping[str, Tensor], path: Path) -> EncoderConfig:
    """Tell the encoder by width, depth and patch; clips are taken to be 16 frames of 224 pixels.

    Raises:
        CheckpointError: If it has no patch embedding, is of no known size, or reads other channels
            than RGB: the file does not say how these are normalised.
    """
    prefix = "encoder." if f"encoder.{_PATCH_EMBED_KEY}" in state else ""
    patch_weight = state.get(f"{prefix}{_PATCH_EMBED_KEY}")
    if patch_weight is None or patch_weight.ndim != 5:
        raise CheckpointError(
            f"{path} holds no video transformer: it has no {_PATCH_EMBED_KEY} over "
            f"(channels, time, row, col)"
        )
    embed_dim, channels, tubelet_size, patch_size, _ = patch_weight.shape
    if channels != len(IMAGENET_MEAN):
        raise CheckpointError(
            f"{path} reads {channels} channels, and does not say how they are normalised"
        )
    blocks = {
        int(m[1])
        for name in state
        if name.startswith(f"{prefix}blocks.") and (m := _BLOCK_PATTERN.match(name))
    }
    for size, spec in SIZES.items():
        if (spec.embed_dim, spec.depth) == (embed_dim, len(blocks)):
            return EncoderConfig(
                size=size,
                frames=OFFICIAL_FRAMES,
                height=OFFICIAL_SIDE,
                width=OFFICIAL_SIDE,
                patch_size=None if patch_size == spec.patch_size else patch_size,
                tubelet_size=None if tubelet_size == spec.tubelet_size else tubelet_size,
                init_values=1.0 if f"{prefix}blocks.0.gamma_1" in state else 0.0,
                cosine_attention=f"{prefix}blocks.0.attn.scale" in state,
            )
    sizes = ", ".join(f"{name} {known.embed_dim}x{known.depth}" for name, known in SIZES.items())
    raise CheckpointError(
        f"{path} has {len(blocks)} blocks of width {embed_dim}, which is no size that is known: "
        f"{sizes}"
    )


_ENCODER = "encoder."
_ENCODER_PARTS = ("patch_embed.", "blocks.", "norm.")
_HEAD_PARTS = ("head.", "fc_norm.")
"""Parts of a classifier that may stand beside a wrapped encoder."""
_WRAPPERS = ("_orig_mod.", "module.", "model.", "backbone.")
_WRAPPER_KEYS = ("model", "module")
"""Where a released file keeps the weights, the first that is there."""


def from_official(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Turn released weights (already without wrappers such as ``module.``) into ours.

    Raises:
        ValueError: If the patch embedding has another shape than ``cubes`` asks for.
    """
    return {
        # of pre-training no name begins so
        f"{_ENCODER}{name}" if name.startswith(_ENCODER_PARTS) else name: (
            _flatten_patch_embed(name, value, cubes) if name.endswith(_PATCH_EMBED_KEY) else value
        )
        for name, value in state.items()
    }


def to_official(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Turn our weights of an autoencoder into released ones."""
    sizes = {"p0": cubes.tubelet_size, "p1": cubes.patch_size, "p2": cubes.patch_size}
    pattern = "dim (p0 p1 p2 c) -> dim c p0 p1 p2"
    return {
        name: rearrange(value, pattern, **sizes).contiguous()
        if name.endswith(_PATCH_EMBED_KEY)
        else value
        for name, value in state.items()
    }


def classifier_to_official(state: Mapping[str, Tensor], cubes: Cubes) -> dict[str, Tensor]:
    """Turn our weights of a classifier into released ones."""
    return {name.removeprefix(_ENCODER): value for name, value in to_official(state, cubes).items()}


def is_official_pretraining(state: Mapping[str, Tensor]) -> bool:
    """Whether weights are of pre-training: those alone have an encoder by that name."""
    return any(name.startswith(_ENCODER) for name in state)


def load_translated_state(
    path: Path, cubes: Cubes, state: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """Read a released file of any kind under the names of our models.

    ``state`` is what ``load_official_state`` gave, where the file was read before.

    Raises:
        CheckpointError: If it cannot be read or is of another model.
    """
    state = load_official_state(path) if state is None else state
    try:
        return from_official(state, cubes)
    except ValueError as error:
        raise CheckpointError(f"{path} is of another model: {error}") from error


def load_official_state(path: Path) -> dict[str, Tensor]:
    """Read a released file's weights under their released names, without wrappers, in float32.

    Raises:
        CheckpointError: If it cannot be read or holds no weights.

    Source: load_state_dict and its caller in run_class_finetuning.py of the released code.
    """
    content: Any = load_tensors(path) if path.suffix == ".safetensors" else _unpickle(path)
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, want weights by name")
    wrapper = next((name for name in _WRAPPER_KEYS if isinstance(content.get(name), Mapping)), None)
    state = content if wrapper is None else content[wrapper]
    unexpected = [n for n, v in state.items() if not (isinstance(n, str) and isinstance(v, Tensor))]
    if unexpected or not state:
        if isinstance(content.get("state_dict"), Mapping):
            raise CheckpointError(
                f"{path} keeps its weights under 'state_dict', as MMAction2 and Lightning do, "
                "which is not read yet; released files have them under 'model' or 'module'"
            )
        name = repr_value(unexpected[0]).strip("'") if unexpected else ""
        problem = f"'{name}' is no tensor with a name" if unexpected else "it is empty"
        raise CheckpointError(f"{path} holds no weights, neither plain nor in 'model': {problem}")
    if any(_TRANSFORMERS_PATTERN.search(name) for name in state):
        raise CheckpointError(
            f"{path} has the names of transformers' VideoMAE, which are not read yet; take the "
            "released .pth file of the same model"
        )
    file_bytes = path.stat().st_size
    for name, value in state.items():
        _check_plain(name, value, path, file_bytes)
    return {
        name: value.float() if value.is_floating_point() else value
        for name, value in strip_wrappers(state).items()
    }


def _unpickle(path: Path) -> Any:
    if not (is_regular_file(path) and _may_be_pickled(path)):
        raise CheckpointError(
            f"cannot read {path}: it {describe_bad_weights(path, is_safetensors=False)}"
        )
    if (problem := find_unsafe_packing(path)) is not None:
        raise CheckpointError(f"cannot read {path}: it {problem}")
    try:
        # the released files carry their command line; nothing else but tensors is let in
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a text taken for a pickle: any error, or advice to run the file
        raise CheckpointError(
            f"cannot read {path}: it {describe_bad_weights(path, is_safetensors=False)}"
        ) from error


def _may_be_pickled(path: Path) -> bool:
    """Whether a file begins as PyTorch's do; it would take others for archives, and unpack them."""
    with path.open("rb") as file:
        return file.read(4).startswith((b"PK\x03\x04", b"\x80"))


def _check_plain(name: str, value: Tensor, path: Path, file_bytes: int) -> None:
    """Refuse a tensor that is none of numbers in memory, or says more of them than the file has."""
    if value.layout != torch.strided or value.is_quantized or value.device.type != "cpu":
        raise CheckpointError(f"{path} holds no weights: {name} is sparse, quantized or empty")
    if value.numel() * value.element_size() > file_bytes:
        raise CheckpointError(
            f"{path} is damaged: {name} has {value.numel():,} numbers, more than the file holds"
        )


def strip_wrappers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Take away what torch.compile, data parallelism and Hugging Face put before the names.

    A head and its norm may do without, where all the rest has it: ``backbone.`` is often put before
    an encoder alone.

    Source: run_class_finetuning.py of the released code, which takes ``backbone.`` and ``encoder.``
        away name by name.
    """
    names = list(state)
    while names and (prefix := next((w for w in _WRAPPERS if _is_shared(w, names)), None)):
        names = [name.removeprefix(prefix) for name in names]
    return dict(zip(names, state.values(), strict=True))


def _is_shared(wrapper: str, names: list[str]) -> bool:
    """Whether it stands before every name, or every one but those of the head."""
    unwrapped = [name for name in names if not name.startswith(wrapper)]
    stripped = {name.removeprefix(wrapper) for name in names}
    only_head = all(name.startswith(_HEAD_PARTS) for name in unwrapped)
    return len(unwrapped) < len(names) == len(stripped) and only_head


def _flatten_patch_embed(name: str, value: Tensor, cubes: Cubes) -> Tensor:
    expected = (cubes.channels, cubes.tubelet_size, cubes.patch_size, cubes.patch_size)
    if tuple(value.shape[1:]) != expected:
        channels, tubelet_size, patch_size, _ = value.shape[1:]
        settings = {"channels": channels, "tubelet-size": tubelet_size, "patch-size": patch_size}
        wrong = [
            f"--model.encoder.{setting} {number}"
            for (setting, number), wanted in zip(settings.items(), expected[:3], strict=True)
            if number != wanted
        ]
        raise ValueError(
            f"{name} is over {tuple(value.shape[1:])}, want {expected}; {' and '.join(wrong)} "
            "would fit" + (", and grey videos may be read as 3 channels" if channels == 3 else "")
        )
    return rearrange(value, "dim c p0 p1 p2 -> dim (p0 p1 p2 c)").contiguous()
