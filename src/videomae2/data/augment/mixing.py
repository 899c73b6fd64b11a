"""Mixup and cutmix: the clips of a batch mixed with those of the batch in reversed order.

Axes: batch, frames, height, width, channels, classes.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float, Float32, Float64, Int64
from torch import Tensor

from videomae2.base.ranges import NOT_NEGATIVE, SHARE
from videomae2.tensors.clips import to_device
from videomae2.tensors.rng_torch import beta, fold_in, uniform

_APPLY, _WHICH, _MIXUP, _CUTMIX, _POSITION = 31, 32, 33, 34, 35  # streams of the first clip's key


@dataclass(frozen=True, kw_only=True, slots=True)
class MixConfig:
    """How clips and their targets are mixed; a batch of one clip stays as it is."""

    mixup_alpha: Annotated[float, NOT_NEGATIVE] = 0.8
    """Shape of the beta distribution of mixup's share; 0 for no mixup."""
    cutmix_alpha: Annotated[float, NOT_NEGATIVE] = 1.0
    """Shape of the beta distribution of the area that cutmix leaves; 0 for no cutmix."""
    prob: Annotated[float, SHARE] = 1.0
    """Share of batches that are mixed."""
    switch_prob: Annotated[float, SHARE] = 0.5
    """Share of these that are mixed by cutmix, where both are wanted."""


def mix(
    clips: Float32[Tensor, "batch frames height width channels"],
    targets: Float32[Tensor, "batch classes"],
    keys: Int64[Tensor, " batch"],
    weights: Float32[Tensor, " batch"],
    config: MixConfig,
) -> tuple[Float32[Tensor, "batch frames height width channels"], Float32[Tensor, "batch classes"]]:
    """Mix each clip and its target with the one that stands as far from the other end.

    One draw for the whole batch, by the key of its first clip. The middle clip of an odd batch
    meets itself. A clip whose partner could not be read (weight 0) stays as it is. Targets are
    shares of classes, several labels, or numbers.

    Source: timm's Mixup in batch mode, as dataset/mixup.py of the released code has it, which
        takes only even batches.
    """
    lam, pixels = draw_mix_weights(keys, config, clips.shape[2], clips.shape[3])
    is_partner_read = weights.flip(0)  # whether the partner could be read
    pixels = 1 - is_partner_read.view(-1, 1, 1) * (1 - to_device(pixels, clips.device))
    lam = 1 - is_partner_read[:, None] * (1 - to_device(lam.float(), clips.device))
    return (
        torch.lerp(clips.flip(0), clips, pixels[:, None, :, :, None]),
        torch.lerp(targets.flip(0), targets, lam),
    )


def draw_mix_weights(
    keys: Int64[Tensor, " batch"], config: MixConfig, height: int, width: int
) -> tuple[Float64[Tensor, ""], Float32[Tensor, "height width"]]:
    """Draw whether and how a batch is mixed, on the device of the keys.

    Returns:
        The share of a clip itself: in its target and over all pixels, and in each pixel.
    """
    key = keys[:1]
    is_skipped = _draw_uniform(key, _APPLY) >= config.prob
    if config.mixup_alpha > 0 and config.cutmix_alpha > 0:
        uses_cutmix = _draw_uniform(key, _WHICH) < config.switch_prob
    else:
        uses_cutmix = torch.full_like(is_skipped, config.cutmix_alpha > 0)
    cutmix_lam, box = _draw_box(key, config.cutmix_alpha, height, width)
    mixup_lam = _draw_beta(fold_in(key, _MIXUP), config.mixup_alpha)
    lam = torch.where(is_skipped, 1.0, torch.where(uses_cutmix, cutmix_lam, mixup_lam))
    pixels = torch.where(
        is_skipped, 1.0, torch.where(uses_cutmix, box, mixup_lam.expand(height, width))
    )
    return lam[0], pixels.float()


def _draw_box(
    key: Tensor, alpha: float, height: int, width: int
) -> tuple[Float64[Tensor, "1"], Float64[Tensor, "height width"]]:
    """Draw the area that cutmix leaves of a clip, and 0 in its box, else 1.

    The box is placed by its middle and may stick out, so its true area is counted.
    """
    side = (1 - _draw_beta(fold_in(key, _CUTMIX), alpha)).sqrt()
    position = uniform(fold_in(key, _POSITION), 2).double()
    row = _build_outside_mask(position[:, 0], side, height)
    col = _build_outside_mask(position[:, 1], side, width)
    box = torch.maximum(row[:, None], col[None, :]).double()
    return box.mean().view(1), box


def _build_outside_mask(position: Tensor, side: Tensor, size: int) -> Float[Tensor, " size"]:
    """1 outside of a box and 0 inside, along one axis."""
    half = (side * size).long() // 2
    center = (position * size).long()
    positions = torch.arange(size, device=position.device)
    return 1 - ((positions >= center - half) & (positions < center + half)).double()


def _draw_beta(key: Tensor, alpha: float) -> Float64[Tensor, "1"]:
    """Draw a share; all of the clip itself where the shape says that there is no mixing."""
    return beta(key, alpha, alpha) if alpha > 0 else torch.ones_like(key, dtype=torch.float64)


def _draw_uniform(key: Tensor, stream: int) -> Float[Tensor, "1"]:
    return uniform(fold_in(key, stream), 1)[:, 0]
