"""Attentive probes as files, and the features that they make of tokens."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Generator, Tensor

from videomae2.base.files import atomic_write
from videomae2.errors import CheckpointError
from videomae2.models.attentive_probe import AttentiveProbe, standardize_tokens
from videomae2.models.weights.frozen_encoder import FrozenEncoder
from videomae2.tensors.grid import Grid, pool_tokens

_KIND = "videomae2 attentive probe"


@dataclass(frozen=True, slots=True)
class AttentivePooling:
    """A probe without its head, on tokens that are averaged as those it was trained on."""

    probe: AttentiveProbe
    grid: Grid
    """Of the encoder."""
    probe_grid: Grid

    def __call__(self, tokens: Float[Tensor, "clips tokens dim"]) -> Float[Tensor, "clips dim"]:
        """What the probe's head would see of each clip."""
        return self.probe.embed(standardize_tokens(pool_tokens(tokens, self.grid, self.probe_grid)))

    def to(self, device: torch.device) -> "AttentivePooling":
        """Move it to a device."""
        self.probe.to(device)
        return self


def save_attentive_probe(
    path: Path, probe: AttentiveProbe, frozen: FrozenEncoder, grid: Grid
) -> Path:
    """Write a probe with what it was trained on: the backbone, and the grid of its tokens."""
    metadata = {
        "kind": _KIND,
        "backbone": frozen.digest,
        "num_heads": str(probe.num_heads),
        "num_classes": str(probe.head.out_features),
        "grid": json.dumps(grid),
    }
    state = {name: value.contiguous().cpu() for name, value in probe.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as partial:
        save_file(state, partial, metadata)
    return path


def load_attentive_pooling(path: Path, frozen: FrozenEncoder) -> AttentivePooling:
    """Read the probe of an encoder.

    Raises:
        CheckpointError: It cannot be read, is none, or was trained on another encoder.
    """
    dim = frozen.encoder.config.shape.embed_dim
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata.get("kind") != _KIND:
            raise ValueError("it is none of: videomae2 probe --save-attentive")
        sizes = int(metadata["num_heads"]), int(metadata["num_classes"])
        probe = AttentiveProbe(dim, *sizes, Generator())
        probe.load_state_dict(state)
        time, row, col = map(int, json.loads(metadata["grid"]))
    except (OSError, SafetensorError, ValueError, LookupError, RuntimeError) as error:
        text = str(error).splitlines()[0]
        raise CheckpointError(f"cannot read the attentive probe {path}: {text}") from error
    if metadata.get("backbone") != frozen.digest:
        raise CheckpointError(
            f"{path} was trained on the features of other weights than {frozen.path}, or of "
            f"clips of another size; train it on these"
        )
    grid = frozen.encoder.cubes.grid
    return AttentivePooling(probe.eval().requires_grad_(False), grid, (time, row, col))
