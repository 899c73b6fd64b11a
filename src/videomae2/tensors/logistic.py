"""Multinomial logistic regression with an L2 penalty: many strengths at once, to the optimum.

The problem is strictly convex, so a strength has one answer, and neither a learning rate nor a
length of training is to be chosen. All strengths are solved side by side by L-BFGS in the basis of
the features' principal axes, where a bound of the curvature is diagonal and serves as its start.

Axes: strengths; videos; dim; rank = principal axes with any variance; rows = rank + 1 (the last is
the bias); classes.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

_HISTORY = 10
_ENOUGH = 1e-4  # share of the promised fall that a step must bring (Armijo)
_HALVINGS = 30
_NOTHING = 1e-12  # variance of an axis, relative to the largest, that counts as none

Weights = Float64[Tensor, "strengths rows classes"]
PerStrength = Float64[Tensor, " strengths"]


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """The heads of all strengths."""

    weights: Float64[Tensor, "strengths dim classes"]
    bias: Float64[Tensor, "strengths classes"]
    converged: Bool[Tensor, " strengths"]
    """Whether no entry of the gradient was larger than the tolerance at the end."""
    steps: int
    """Steps of the slowest."""

    def scores(self, x: Float[Tensor, "videos dim"]) -> Float64[Tensor, "strengths videos classes"]:
        """Give the scores of features that are scaled as in training."""
        return x.double() @ self.weights + self.bias[:, None]


@torch.no_grad()
def fit_logistic(
    x: Float[Tensor, "videos dim"],
    labels: Int[Tensor, " videos"],
    classes: int,
    strengths: Sequence[float],
    *,
    tolerance: float = 1e-6,
    most_steps: int = 500,
) -> LogisticFit:
    """Minimise mean cross-entropy + strength / 2 * |weights|^2, without a penalty on the bias.

    Args:
        x: Standardised on these videos, so every column's mean is 0.
        labels: From 0 to classes - 1.
        classes: Number of classes.
        strengths: Penalties, above 0.
        tolerance: Of the largest entry of the gradient.
        most_steps: Where it ends in any case.

    Source: Nocedal & Wright, Numerical Optimization, 2nd edition, algorithm 7.4; the bound of the
        curvature is Böhning's ("Multinomial logistic regression algorithm", AISM 1992).
    """
    axes, variance = _principal(x.double())
    problem = _Problem(
        x=F.pad(x.double() @ axes, (0, 1), value=1.0),
        labels=labels.long(),
        classes=classes,
        penalty=torch.tensor(strengths, dtype=torch.float64, device=x.device)[:, None, None]
        * F.pad(torch.ones_like(variance), (0, 1))[:, None],
    )
    bound = 0.5 * F.pad(variance, (0, 1), value=1.0)[:, None] + problem.penalty
    found, largest, steps = _minimise(problem, 1 / bound, tolerance, most_steps)
    return LogisticFit(axes @ found[:, :-1], found[:, -1], largest <= tolerance, steps)


def _principal(x: Tensor) -> tuple[Tensor, Tensor]:
    """Axes [dim, rank] of the features and the variance along each; where is none is no weight."""
    variance, axes = torch.linalg.eigh(x.T @ x / len(x))
    there = variance > _NOTHING * variance[-1].clamp(min=1e-300)
    return axes[:, there], variance[there]


@dataclass(frozen=True, slots=True)
class _Problem:
    x: Float64[Tensor, "videos rows"]
    labels: Tensor
    classes: int
    penalty: Float64[Tensor, "strengths rows 1"]

    def __call__(self, weights: Weights) -> tuple[PerStrength, Weights]:
        """The loss of each strength and its gradient."""
        logs = F.log_softmax(self.x @ weights, dim=2)
        picked = self.labels[None, :, None].expand(len(weights), -1, 1)
        loss = -logs.gather(2, picked).mean(dim=(1, 2))
        wrong = logs.exp_()
        wrong.scatter_add_(2, picked, -torch.ones_like(wrong[:, :, :1]))
        gradient = self.x.T @ wrong / len(self.x) + self.penalty * weights
        return loss + 0.5 * _dot(self.penalty * weights, weights), gradient


def _minimise(
    problem: _Problem, start: Tensor, tolerance: float, most_steps: int
) -> tuple[Weights, PerStrength, int]:
    """Give the weights, the largest entry of each gradient, and the steps taken."""
    shape = *problem.penalty.shape[:2], problem.classes
    weights = torch.zeros(shape, dtype=torch.float64, device=start.device)
    found, remains = weights.clone(), torch.zeros_like(weights[:, 0, 0])
    places = torch.arange(len(weights), device=start.device)  # of the strengths that still move
    moves = torch.ones_like(places, dtype=torch.bool)
    loss, gradient = problem(weights)
    history: deque[_Past] = deque(maxlen=_HISTORY)
    for step in range(most_steps + 1):
        largest = gradient.abs().amax(dim=(1, 2))
        found[places], remains[places] = weights, largest
        is_open = moves & (largest > tolerance)
        if step == most_steps or not bool(is_open.any()):
            break
        if not bool(is_open.all()):  # those that are there cost nothing any more
            weights, loss, gradient = weights[is_open], loss[is_open], gradient[is_open]
            places, start = places[is_open], start[is_open]
            problem = replace(problem, penalty=problem.penalty[is_open])
            history = deque((past.part(is_open) for past in history), maxlen=_HISTORY)
        direction = _direction(gradient, history, start)
        length, loss, new = _search(problem, weights, direction, loss, gradient)
        moves = length > 0  # else rounding: no step brings anything any more
        moved = length[:, None, None] * direction
        curved = _dot(moved, new - gradient)
        history.append(_Past(moved, new - gradient, torch.where(curved > 0, 1 / curved, 0.0)))
        weights, gradient = weights + moved, new
    return found, remains, step


@dataclass(frozen=True, slots=True)
class _Past:
    """A step, how much it turned the gradient, and 1 / (their product)."""

    moved: Weights
    turned: Weights
    inverse: PerStrength

    def part(self, which: Bool[Tensor, " strengths"]) -> "_Past":
        """Some of the strengths."""
        return _Past(self.moved[which], self.turned[which], self.inverse[which])


def _direction(gradient: Weights, history: deque[_Past], start: Tensor) -> Weights:
    """The two loops of L-BFGS, each strength for itself."""
    q, taken = gradient.clone(), []
    for past in reversed(history):
        share = past.inverse * _dot(past.moved, q)
        q -= share[:, None, None] * past.turned
        taken.append(share)
    q = start * q
    for past, share in zip(history, reversed(taken), strict=True):
        q += (share - past.inverse * _dot(past.turned, q))[:, None, None] * past.moved
    return -q


def _search(
    problem: _Problem,
    weights: Weights,
    direction: Weights,
    loss: PerStrength,
    gradient: Weights,
) -> tuple[PerStrength, PerStrength, Weights]:
    """Halve the steps of those strengths that do not fall enough; 0 where none does."""
    promised = _dot(gradient, direction)
    length = torch.ones_like(loss)
    for _ in range(_HALVINGS):
        after, new = problem(weights + length[:, None, None] * direction)
        falls = after <= loss + _ENOUGH * length * promised
        if bool(falls.all()):
            return length, after, new
        length = torch.where(falls, length, length / 2)
    length = torch.where(falls, length, 0.0)
    return length, *problem(weights + length[:, None, None] * direction)


def _dot(a: Tensor, b: Tensor) -> PerStrength:
    return (a * b).sum(dim=(1, 2))
