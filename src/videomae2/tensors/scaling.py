"""Standardise features by what the training part alone says of them.

Axes: videos, dim.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

_STILL = 1e-6  # a feature that moves less than this, relative to its size, is constant


@dataclass(frozen=True, slots=True)
class Scaling:
    """What is taken off each feature and what it is divided by."""

    mean: Float[Tensor, " dim"]
    std: Float[Tensor, " dim"]

    @classmethod
    def of(cls, train: Float[Tensor, "videos dim"]) -> "Scaling":
        """Measure the training part; a feature that is constant in it becomes 0 everywhere."""
        x = train.double()
        mean = x.mean(dim=0)
        std = (x - mean).square().mean(dim=0).sqrt()
        still = std <= _STILL * x.abs().amax(dim=0)
        return cls(mean, torch.where(still, torch.inf, std))

    def __call__(self, x: Float[Tensor, "videos dim"]) -> Float[Tensor, "videos dim"]:
        """Give the standardised features in float64."""
        return (x.double() - self.mean) / self.std
