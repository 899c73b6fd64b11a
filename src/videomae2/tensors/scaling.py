"""Standardise features by what the training part alone says of them.

Axes: videos, dim.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

_CONSTANT_TOLERANCE = 1e-6  # a feature that moves less than this, relative to its size, is constant


@dataclass(frozen=True, slots=True)
class StandardScaler:
    """What is taken off each feature and what it is divided by."""

    mean: Float[Tensor, " dim"]
    std: Float[Tensor, " dim"]

    @classmethod
    def fit(cls, train: Float[Tensor, "videos dim"]) -> "StandardScaler":
        """Measure the training part; a feature that is constant in it becomes 0 everywhere."""
        x = train.double()
        mean = x.mean(dim=0)
        std = (x - mean).square().mean(dim=0).sqrt()
        is_constant = std <= _CONSTANT_TOLERANCE * x.abs().amax(dim=0)
        return cls(mean, torch.where(is_constant, torch.inf, std))

    def __call__(self, x: Float[Tensor, "videos dim"]) -> Float[Tensor, "videos dim"]:
        """Give the standardised features in float64."""
        return (x.double() - self.mean) / self.std
