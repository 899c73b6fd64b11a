"""Which weights of a classifier learn: frozen blocks, and low-rank adapters (LoRA) beside others.

Adapters can be merged into the frozen linear maps that they sit beside.

Axes: dim_in, dim_out, rank; part = some of the outputs.
"""

import math
from dataclasses import dataclass, field
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor, nn

from videomae2.base.ranges import NOT_NEGATIVE, POSITIVE
from videomae2.models.classifier import Classifier
from videomae2.models.layers import Block, Linear, select_rows
from videomae2.tensors import matmul

TargetModule = Literal["attention", "mlp"]

_DOWN, _UP = ".down", ".up"
_TARGETS = (
    ("attention", "attn", "qkv"),
    ("attention", "attn", "proj"),
    ("mlp", "mlp", "fc1"),
    ("mlp", "mlp", "fc2"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class LoraConfig:
    """Adapters beside the linear maps of the blocks."""

    rank: Annotated[int, NOT_NEGATIVE] = 0
    """Width of an adapter, 8 is usual; 0 for none. Query, key and value share one."""
    alpha: Annotated[float, POSITIVE] = 16.0
    """An adapter's answer is multiplied by alpha/rank."""
    target_modules: tuple[TargetModule, ...] = ("attention", "mlp")
    """Which maps of a block have one: the two of attention, the two of the MLP."""


class AdaptedLinear(Linear):
    """A frozen linear map and an adapter: weight + scale * up @ down, never multiplied out.

    Source: arXiv 2106.09685 section 4.1.
    """

    def __init__(self, frozen: nn.Linear, rank: int, alpha: float, generator: Generator) -> None:
        bias = frozen.bias is not None
        super().__init__(frozen.in_features, frozen.out_features, bias=bias, device="meta")
        if not 1 <= rank <= min(frozen.in_features, frozen.out_features):
            raise ValueError(
                f"an adapter of a map from {frozen.in_features} to {frozen.out_features} has a "
                f"rank from 1 to the smaller of them, got {rank}"
            )
        self.weight = nn.Parameter(frozen.weight.detach(), requires_grad=False)
        if bias:
            self.bias = nn.Parameter(frozen.bias.detach(), requires_grad=False)
        self.scale = alpha / rank
        self.down = nn.Parameter(frozen.weight.new_empty(rank, frozen.in_features))
        self.up = nn.Parameter(frozen.weight.new_zeros(frozen.out_features, rank))
        bound = 1 / math.sqrt(frozen.in_features)  # kaiming uniform with a = sqrt 5
        nn.init.uniform_(self.down, -bound, bound, generator=generator)

    def forward(self, x: Float[Tensor, "*rows dim_in"]) -> Float[Tensor, "*rows dim_out"]:
        return super().forward(x) + self._compute_delta(x, None)

    def forward_gelu(self, x: Float[Tensor, "*rows dim_in"]) -> Float[Tensor, "*rows dim_out"]:
        """As of any map; the adapter wants what GELU gives, so it is kept."""
        return self(F.gelu(x))

    def forward_rows(
        self, x: Float[Tensor, "*rows dim_in"], rows: slice | None, bias: Float[Tensor, " part"]
    ) -> Float[Tensor, "*rows part"]:
        return super().forward_rows(x, rows, bias) + self._compute_delta(x, rows)

    def _compute_delta(self, x: Tensor, rows: slice | None) -> Tensor:
        low_rank = matmul.linear(x, self.down, None)
        return matmul.linear(low_rank, select_rows(self.up, rows) * self.scale, None)

    @torch.no_grad()
    def merge_weight(self) -> Float[Tensor, "dim_out dim_in"]:
        """The one matrix that does the same."""
        return self.weight + self.scale * (self.up @ self.down)


def merged_state(model: nn.Module) -> dict[str, Tensor]:
    """The weights of a model as if it had no adapters: what is saved and shared."""
    state = {n: v for n, v in model.state_dict().items() if not n.endswith((_DOWN, _UP))}
    for name, module in model.named_modules():
        if isinstance(module, AdaptedLinear):
            state[f"{name}.weight"] = module.merge_weight()
    return state


def adapter_state(model: nn.Module) -> dict[str, Tensor]:
    """The adapters and the matrices beside them, for a resume.

    A merged matrix cannot be taken apart again to the last bit. ``merged_state`` with these put
    over it is the model's own ``state_dict``.
    """
    return {
        f"{name}.{part}": getattr(module, part).detach()
        for name, module in model.named_modules()
        if isinstance(module, AdaptedLinear)
        for part in ("weight", "down", "up")
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class TuningConfig:
    """What learns and what stays as it is; usually everything learns."""

    frozen_blocks: Annotated[int, NOT_NEGATIVE] = 0
    """The patch embedding and this many first blocks do not learn; 0 freezes neither."""
    lora: LoraConfig = field(default_factory=LoraConfig)
    """Teach adapters beside the blocks that are not frozen, instead of their weights. The patch
    embedding does not learn then."""


def apply_tuning(model: Classifier, config: TuningConfig, generator: Generator) -> None:
    """Freeze weights and add adapters, in place; to be done after the first weights are there.

    Norm and head always learn. Adapters change nothing at first; the generator draws them.

    Raises:
        ValueError: If there are not as many blocks, or adapters would have no place.
    """
    encoder, lora, num_frozen = model.encoder, config.lora, config.frozen_blocks
    depth = len(encoder.blocks)
    if not 0 <= num_frozen <= depth:
        raise ValueError(f"cannot freeze {num_frozen} blocks of {depth}")
    if lora.rank and num_frozen == depth:
        raise ValueError(f"all {depth} blocks are frozen, so adapters would have no effect")
    if lora.rank and not lora.target_modules:
        raise ValueError("adapters need a place: attention, mlp, or both")
    if num_frozen or lora.rank:
        encoder.patch_embed.requires_grad_(False)
    for index, block in enumerate(encoder.blocks):
        assert isinstance(block, Block)
        if lora.rank or index < num_frozen:
            block.requires_grad_(False)
        if lora.rank and index >= num_frozen:
            for target, parent, name in _TARGETS:
                if target in lora.target_modules:
                    module = block.get_submodule(parent)
                    frozen = getattr(module, name)
                    adapted = AdaptedLinear(frozen, lora.rank, lora.alpha, generator)
                    setattr(module, name, adapted)
