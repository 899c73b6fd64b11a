"""Pixels into what a model reads and what it is asked to rebuild.

Axes: batch, picked = cubes; values = (frame, row, column, channel) of a cube, channel fastest.
"""

import torch
from einops import rearrange
from jaxtyping import Float, Shaped
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
STD_EPSILON = 1e-6  # added to the standard deviation of a cube, as in the released code


def normalize(
    cubes: Shaped[Tensor, "batch picked values"],
    mean: Float[Tensor, " channels"],
    std: Float[Tensor, " channels"],
) -> Float[Tensor, "batch picked values"]:
    """Turn uint8 values 0…255 into (value/255 - mean) / std, channel by channel."""
    x = rearrange(cubes, "b n (p c) -> b n p c", c=len(mean))
    return torch.addcmul(-mean / std, x, 1 / (255 * std)).flatten(2)


def subtract_temporal_mean(
    clips: Shaped[Tensor, "batch frames height width channels"],
) -> Float[Tensor, "batch frames height width channels"]:
    """Each clip without its own mean over time, of each place and channel; 0…255 → -255…255."""
    x = clips.float()
    return x - x.mean(dim=1, keepdim=True)


def compute_target(
    cubes: Shaped[Tensor, "batch picked values"], *, channels: int, normalize_target: bool = True
) -> Float[Tensor, "batch picked values"]:
    """What the decoder is asked for: pixels in [0, 1], by default z-scored in each cube.

    Cubes are values 0…255, uint8 or float. The mean and the unbiased variance are taken over the
    pixels of a cube, for each channel by itself, and 1e-6 is added to the standard deviation.

    Source: engine_for_pretraining.py of the released code; arXiv 2303.16727 section 3.1.
    """
    # in place on a copy of its own: a division of uint8 and new memory each time cost five times
    x = cubes.to(torch.float32, copy=True).div_(255)
    if not normalize_target:
        return x
    y = rearrange(x, "b n (p c) -> b n p c", c=channels)
    y.sub_(y.mean(dim=2, keepdim=True))
    y.div_(_compute_std(y).add_(STD_EPSILON))
    return x


def compute_moments(
    pixels: Float[Tensor, "batch picked values"], channels: int
) -> tuple[Float[Tensor, "batch picked 1 channels"], Float[Tensor, "batch picked 1 channels"]]:
    """Mean and unbiased standard deviation of each cube and channel."""
    x = rearrange(pixels, "b n (p c) -> b n p c", c=channels)
    mean = x.mean(dim=2, keepdim=True)
    return mean, _compute_std(x - mean)


def _compute_std(centred: Tensor) -> Tensor:
    """Unbiased standard deviation over the pixels of each cube, of values without their mean."""
    variance = centred.square().sum(dim=2, keepdim=True) / (centred.shape[2] - 1)
    return variance.sqrt()


def denormalize(
    predicted: Float[Tensor, "batch picked values"],
    mean: Float[Tensor, "batch picked 1 channels"],
    std: Float[Tensor, "batch picked 1 channels"],
) -> Float[Tensor, "batch picked values"]:
    """Turn z-scored cubes back into pixels in [0, 1], given each cube's mean and deviation."""
    x = rearrange(predicted, "b n (p c) -> b n p c", c=mean.shape[-1])
    return (x * (std + STD_EPSILON) + mean).flatten(2)
