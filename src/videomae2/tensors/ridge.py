"""Linear regression on classes with an L2 penalty, in closed form for many strengths at once.

Axes: videos, dim, classes, strengths.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

STRENGTHS = tuple(10.0**power for power in range(-4, 5))


@dataclass(frozen=True, slots=True)
class Ridge:
    """A map from features to scores of classes."""

    weights: Float[Tensor, "dim classes"]
    bias: Float[Tensor, " classes"]
    strength: float
    """Penalty: the sum of squares is divided by the videos, and this times |weights|^2 added."""

    def __call__(self, x: Float[Tensor, "videos dim"]) -> Float[Tensor, "videos classes"]:
        """Give the scores of features that are scaled as in training."""
        return x.to(self.weights) @ self.weights + self.bias


@torch.no_grad()
def fit_ridge(
    x: Float[Tensor, "videos dim"],
    labels: Int[Tensor, " videos"],
    classes: int,
    strengths: Sequence[float] = STRENGTHS,
) -> Ridge:
    """Fit all strengths and take the one whose leave-one-out error is least.

    Leaving each video out costs nothing more: its residual is divided by what it does not explain
    of itself.

    Args:
        x: Standardised on these videos, so every column's mean is 0.
        labels: From 0 to classes - 1.
        classes: Number of classes.
        strengths: Penalties, above 0; the smaller one of equals is taken.

    Source: Allen's PRESS; Hastie, Tibshirani & Friedman, The Elements of Statistical Learning,
        2nd edition, section 7.10.1.
    """
    target = F.one_hot(labels.long(), classes).double()
    bias = target.mean(dim=0)
    u, s, vt = torch.linalg.svd(x.double(), full_matrices=False)
    asked = u.T @ (target - bias)
    errors = [_left_out_error(u, s, asked, target - bias, each) for each in strengths]
    best = min(range(len(strengths)), key=lambda number: errors[number])
    shrunk = s / (s.square() + len(x) * strengths[best])
    return Ridge(vt.T @ (shrunk[:, None] * asked), bias, strengths[best])


def _left_out_error(u: Tensor, s: Tensor, asked: Tensor, target: Tensor, strength: float) -> float:
    """Mean square of what a fit without each video says wrong of it; the intercept is fitted."""
    kept = s.square() / (s.square() + len(u) * strength)
    wrong = target - u @ (kept[:, None] * asked)
    of_itself = 1 / len(u) + u.square() @ kept
    return (wrong / (1 - of_itself).clamp(min=1e-9)[:, None]).square().mean().item()
