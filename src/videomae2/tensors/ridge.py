"""Linear regression on classes with an L2 penalty, in closed form for many strengths at once.

Axes: videos, dim, classes, strengths.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

L2_VALUES = tuple(10.0**power for power in range(-4, 5))


@dataclass(frozen=True, slots=True)
class RidgeFit:
    """A map from features to scores of classes."""

    weights: Float[Tensor, "dim classes"]
    bias: Float[Tensor, " classes"]
    l2: float
    """Penalty: the sum of squares is divided by the videos, and this times |weights|^2 added."""

    def __call__(self, x: Float[Tensor, "videos dim"]) -> Float[Tensor, "videos classes"]:
        """Give the scores of features that are scaled as in training."""
        return x.to(self.weights) @ self.weights + self.bias


@torch.no_grad()
def fit_ridge(
    x: Float[Tensor, "videos dim"],
    labels: Int[Tensor, " videos"],
    num_classes: int,
    l2_values: Sequence[float] = L2_VALUES,
) -> RidgeFit:
    """Fit all strengths and take the one whose leave-one-out error is least.

    Leaving each video out costs nothing more: its residual is divided by what it does not explain
    of itself.

    Args:
        x: Standardised on these videos, so every column's mean is 0.
        labels: From 0 to classes - 1.
        num_classes: Number of classes.
        l2_values: Penalties, above 0; the smaller one of equals is taken.

    Source: Allen's PRESS; Hastie, Tibshirani & Friedman, The Elements of Statistical Learning,
        2nd edition, section 7.10.1.
    """
    target = F.one_hot(labels.long(), num_classes).double()
    bias = target.mean(dim=0)
    u, s, vt = torch.linalg.svd(x.double(), full_matrices=False)
    projections = u.T @ (target - bias)
    errors = [_leave_one_out_error(u, s, projections, target - bias, each) for each in l2_values]
    best = min(range(len(l2_values)), key=lambda number: errors[number])
    shrunk = s / (s.square() + len(x) * l2_values[best])
    return RidgeFit(vt.T @ (shrunk[:, None] * projections), bias, l2_values[best])


def _leave_one_out_error(u: Tensor, s: Tensor, projections: Tensor, target: Tensor, l2: float) -> float:
    """Mean square of what a fit without each video says wrong of it; the intercept is fitted."""
    shrinkage = s.square() / (s.square() + len(u) * l2)
    residuals = target - u @ (shrinkage[:, None] * projections)
    leverage = 1 / len(u) + u.square() @ shrinkage
    return (residuals / (1 - leverage).clamp(min=1e-9)[:, None]).square().mean().item()
