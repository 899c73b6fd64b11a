"""Clips → features of one kind or several, of a frozen encoder.

Axes: batch = clips; kinds = without and with the final norm; slots = cubes along time; tokens; dim.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Shaped
from numpy.typing import NDArray
from torch import Tensor

from videomae2.errors import ConfigError
from videomae2.inference.cpu_parallel import map_on_threads
from videomae2.inference.features.attentive import AttentivePooling
from videomae2.models.attentive_probe import standardize_tokens
from videomae2.models.weights.frozen_encoder import FrozenEncoder
from videomae2.tensors.grid import Grid, pool_tokens
from videomae2.training.runtime import Runtime

Pooling = Literal["mean", "slots", "tokens", "attentive"]
Norm = Literal["plain", "final", "both", "standardized"]
FeatureDtype = Literal["float32", "float16"]
AnyClips = Shaped[Tensor, "clips frames height width channels"]
"""Pixels 0…255, uint8 or not rounded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureKind:
    """What is kept of each clip."""

    pooling: Pooling = "mean"
    """The mean of all tokens, those of the time slots, the tokens themselves, or what an attentive
    probe makes of them."""
    norm: Norm = "final"
    """Without the encoder's final norm, with it, or both one after the other; tokens also each at
    mean 0 and deviation 1."""
    grid: Grid | None = None
    """Of tokens, to which neighbours are averaged; the encoder's own if not given."""
    dtype: FeatureDtype = "float32"

    def to_provenance(self) -> dict[str, Any]:
        """All that it says."""
        return asdict(self)

    def compute_shape(self, frozen: FrozenEncoder) -> tuple[int, ...]:
        """Axes of the features of a clip."""
        cubes, dim = frozen.encoder.cubes, frozen.encoder.config.shape.embed_dim
        middle: tuple[int, ...] = ()
        if self.pooling == "slots":
            middle = (cubes.grid[0],)
        elif self.pooling == "tokens":
            middle = (int(np.prod(self.grid or cubes.grid)),)
        return (*((2,) if self.norm == "both" else ()), *middle, dim)

    def count_bytes(self, frozen: FrozenEncoder) -> int:
        """Room that the features of a clip take."""
        return int(np.prod(self.compute_shape(frozen))) * np.dtype(self.dtype).itemsize


def check_kind(kind: FeatureKind, frozen: FrozenEncoder) -> None:
    """Refuse a norm that does not fit what it would be applied to.

    Raises:
        ConfigError: Says which would.
    """
    if kind.pooling == "tokens" and kind.norm in ("final", "both"):
        if frozen.norm_input != "tokens":
            raise ConfigError(
                f"the final norm of {frozen.path} is one of means, not of tokens; --norm plain or "
                "standardized gives its tokens"
            )
    elif kind.pooling == "attentive" and kind.norm != "plain":
        raise ConfigError(f"--norm {kind.norm} has no effect on an attentive probe; leave it out")
    elif kind.norm == "standardized" and kind.pooling != "tokens":
        raise ConfigError("--norm standardized has no effect on means; it wants --pooling tokens")


def cut_layers(frozen: FrozenEncoder, layer: int | None) -> FrozenEncoder:
    """The encoder up to a block, counted from 1; its blocks behind that are let go.

    Raises:
        ConfigError: It has no such block.
    """
    depth = len(frozen.encoder.blocks)
    if layer is None:
        return frozen
    if not 1 <= layer <= depth:
        raise ConfigError(f"--layer is {layer}, and {frozen.path} has the blocks 1 to {depth}")
    del frozen.encoder.blocks[layer:]
    return replace(frozen, digest=f"{frozen.digest}-{layer}" if layer < depth else frozen.digest)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipEncoder:
    """Computes features of clips that are on the runtime's device."""

    frozen: FrozenEncoder
    runtime: Runtime
    kinds: Mapping[str, FeatureKind]
    """By the names that they are asked for."""
    attentive: AttentivePooling | None = None
    """Where that is the pooling."""

    def __call__(self, clips: AnyClips) -> dict[str, NDArray[Any]]:
        """Features of each kind, [batch, ...]; on a CPU some clips on each core."""
        if clips.device.type != "cpu":
            return self._encode(clips)
        parts = map_on_threads(self._encode, clips)
        return {name: np.concatenate([part[name] for part in parts]) for name in self.kinds}

    @torch.inference_mode()
    def _encode(self, clips: Tensor) -> dict[str, NDArray[Any]]:
        with self.runtime.autocast():
            tokens = self.frozen.encode(clips).float()
        features = {name: self._pool(tokens, kind) for name, kind in self.kinds.items()}
        return {
            name: values.cpu().numpy().astype(self.kinds[name].dtype, copy=False)
            for name, values in features.items()
        }

    def _pool(self, tokens: Tensor, kind: FeatureKind) -> Tensor:
        frozen, grid = self.frozen, self.frozen.encoder.cubes.grid
        if kind.pooling == "attentive":
            assert self.attentive is not None
            return self.attentive(tokens)
        if kind.pooling == "tokens":
            if kind.norm == "standardized":
                return standardize_tokens(pool_tokens(tokens, grid, kind.grid or grid))
            normed = tokens if kind.norm == "plain" else frozen.norm(tokens)
            pooled = pool_tokens(normed, grid, kind.grid or grid)
            if kind.norm != "both":
                return pooled
            return torch.stack((pool_tokens(tokens, grid, kind.grid or grid), pooled), dim=1)
        both = frozen.pool(tokens) if kind.pooling == "mean" else frozen.pool_slots(tokens)
        return both if kind.norm == "both" else both[:, 1 if kind.norm == "final" else 0]
