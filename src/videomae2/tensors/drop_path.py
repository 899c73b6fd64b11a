"""What stochastic depth and dropout leave out in training, as a function of the clips' keys.

Axes: batch, depth = blocks, 2 = the branches of a block (attention, MLP), dim.
"""

import torch
from einops import rearrange
from jaxtyping import Float32, Int64
from torch import Tensor

from videomae2.tensors.rng_torch import uniform


def drop_path_mask(
    keys: Int64[Tensor, " batch"], rate: float, depth: int
) -> Float32[Tensor, "depth 2 batch 1 1"]:
    """What to multiply each residual branch of each clip by: 0, or 1 over the share that is kept.

    ``rate`` is the share of the clips that the last block leaves out; it rises linearly from 0 at
    the first. Keys are split for this use.

    Source: DropPath of timm, which the released code uses.
    """
    noise = rearrange(uniform(keys, 2 * depth), "b (depth two) -> depth two b 1 1", two=2)
    rates = torch.arange(depth, device=keys.device) * (rate / max(1, depth - 1))
    return _scaled_keep_mask(noise, rates.view(-1, 1, 1, 1, 1))


def dropout_mask(
    keys: Int64[Tensor, " batch"], rate: float, dim: int
) -> Float32[Tensor, "batch dim"]:
    """What to multiply each feature of each clip by: dropout, with a rate for all."""
    return _scaled_keep_mask(uniform(keys, dim), rate)


def _scaled_keep_mask(noise: Tensor, rate: Tensor | float) -> Tensor:
    return (noise >= rate) / (1 - rate)
