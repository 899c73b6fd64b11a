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
_ARMIJO_FRACTION = 1e-4  # share of the promised fall that a step must bring (Armijo)
_MAX_HALVINGS = 30
_MIN_RELATIVE_VARIANCE = 1e-12  # variance of an axis, relative to the largest, that counts as none

Weights = Float64[Tensor, "strengths rows classes"]
PerPenalty = Float64[Tensor, " strengths"]


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """The heads of all strengths."""

    weights: Float64[Tensor, "strengths dim classes"]
    bias: Float64[Tensor, "strengths classes"]
    converged: Bool[Tensor, " strengths"]
    """Whether no entry of the gradient was larger than the tolerance at the end."""
    num_steps: int
    """Steps of the slowest."""

    def compute_scores(self, x: Float[Tensor, "videos dim"]) -> Float64[Tensor, "strengths videos classes"]:
        """Give the scores of features that are scaled as in training."""
        return x.double() @ self.weights + self.bias[:, None]


@torch.no_grad()
def fit_logistic(
    x: Float[Tensor, "videos dim"],
    labels: Int[Tensor, " videos"],
    num_classes: int,
    l2_values: Sequence[float],
    *,
    tolerance: float = 1e-6,
    max_steps: int = 500,
) -> LogisticFit:
    """Minimise mean cross-entropy + strength / 2 * |weights|^2, without a penalty on the bias.

    Args:
        x: Standardised on these videos, so every column's mean is 0.
        labels: From 0 to classes - 1.
        num_classes: Number of classes.
        l2_values: Penalties, above 0.
        tolerance: Of the largest entry of the gradient.
        max_steps: Where it ends in any case.

    Source: Nocedal & Wright, Numerical Optimization, 2nd edition, algorithm 7.4; the bound of the
        curvature is Böhning's ("Multinomial logistic regression algorithm", AISM 1992).
    """
    axes, variance = _compute_principal_axes(x.double())
    problem = _Problem(
        x=F.pad(x.double() @ axes, (0, 1), value=1.0),
        labels=labels.long(),
        num_classes=num_classes,
        penalty=torch.tensor(l2_values, dtype=torch.float64, device=x.device)[:, None, None]
        * F.pad(torch.ones_like(variance), (0, 1))[:, None],
    )
    bound = 0.5 * F.pad(variance, (0, 1), value=1.0)[:, None] + problem.penalty
    solution, largest, steps = _run_lbfgs(problem, 1 / bound, tolerance, max_steps)
    return LogisticFit(axes @ solution[:, :-1], solution[:, -1], largest <= tolerance, steps)


def _compute_principal_axes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Axes [dim, rank] of the features and the variance along each; where is none is no weight."""
    variance, axes = torch.linalg.eigh(x.T @ x / len(x))
    has_variance = variance > _MIN_RELATIVE_VARIANCE * variance[-1].clamp(min=1e-300)
    return axes[:, has_variance], variance[has_variance]


@dataclass(frozen=True, slots=True)
class _Problem:
    x: Float64[Tensor, "videos rows"]
    labels: Tensor
    num_classes: int
    penalty: Float64[Tensor, "strengths rows 1"]

    def __call__(self, weights: Weights) -> tuple[PerPenalty, Weights]:
        """The loss of each strength and its gradient."""
        logs = F.log_softmax(self.x @ weights, dim=2)
        label_index = self.labels[None, :, None].expand(len(weights), -1, 1)
        loss = -logs.gather(2, label_index).mean(dim=(1, 2))
        errors = logs.exp_()
        errors.scatter_add_(2, label_index, -torch.ones_like(errors[:, :, :1]))
        gradient = self.x.T @ errors / len(self.x) + self.penalty * weights
        return loss + 0.5 * _dot(self.penalty * weights, weights), gradient


def _run_lbfgs(
    problem: _Problem, start: Tensor, tolerance: float, max_steps: int
) -> tuple[Weights, PerPenalty, int]:
    """Give the weights, the largest entry of each gradient, and the steps taken."""
    shape = *problem.penalty.shape[:2], problem.num_classes
    weights = torch.zeros(shape, dtype=torch.float64, device=start.device)
    solution, max_gradient = weights.clone(), torch.zeros_like(weights[:, 0, 0])
    active = torch.arange(len(weights), device=start.device)  # of the strengths that still move
    can_improve = torch.ones_like(active, dtype=torch.bool)
    loss, gradient = problem(weights)
    history: deque[_LbfgsUpdate] = deque(maxlen=_HISTORY)
    for step in range(max_steps + 1):
        largest = gradient.abs().amax(dim=(1, 2))
        solution[active], max_gradient[active] = weights, largest
        is_open = can_improve & (largest > tolerance)
        if step == max_steps or not bool(is_open.any()):
            break
        if not bool(is_open.all()):  # those that are there cost nothing any more
            weights, loss, gradient = weights[is_open], loss[is_open], gradient[is_open]
            active, start = active[is_open], start[is_open]
            problem = replace(problem, penalty=problem.penalty[is_open])
            history = deque((past.select(is_open) for past in history), maxlen=_HISTORY)
        direction = _compute_direction(gradient, history, start)
        length, loss, new_gradient = _search_step(problem, weights, direction, loss, gradient)
        can_improve = length > 0  # else rounding: no step brings anything any more
        step_taken = length[:, None, None] * direction
        curvature = _dot(step_taken, new_gradient - gradient)
        history.append(_LbfgsUpdate(step_taken, new_gradient - gradient, torch.where(curvature > 0, 1 / curvature, 0.0)))
        weights, gradient = weights + step_taken, new_gradient
    return solution, max_gradient, step


@dataclass(frozen=True, slots=True)
class _LbfgsUpdate:
    """A step, how much it turned the gradient, and 1 / (their product)."""

    step: Weights
    gradient_change: Weights
    inverse: PerPenalty

    def select(self, selected: Bool[Tensor, " strengths"]) -> "_LbfgsUpdate":
        """Some of the strengths."""
        return _LbfgsUpdate(self.step[selected], self.gradient_change[selected], self.inverse[selected])


def _compute_direction(gradient: Weights, history: deque[_LbfgsUpdate], start: Tensor) -> Weights:
    """The two loops of L-BFGS, each strength for itself."""
    q, coefficients = gradient.clone(), []
    for past in reversed(history):
        coefficient = past.inverse * _dot(past.step, q)
        q -= coefficient[:, None, None] * past.gradient_change
        coefficients.append(coefficient)
    q = start * q
    for past, coefficient in zip(history, reversed(coefficients), strict=True):
        q += (coefficient - past.inverse * _dot(past.gradient_change, q))[:, None, None] * past.step
    return -q


def _search_step(
    problem: _Problem,
    weights: Weights,
    direction: Weights,
    loss: PerPenalty,
    gradient: Weights,
) -> tuple[PerPenalty, PerPenalty, Weights]:
    """Halve the steps of those strengths that do not fall enough; 0 where none does."""
    directional_derivative = _dot(gradient, direction)
    length = torch.ones_like(loss)
    for _ in range(_MAX_HALVINGS):
        new_loss, new_gradient = problem(weights + length[:, None, None] * direction)
        sufficient_decrease = new_loss <= loss + _ARMIJO_FRACTION * length * directional_derivative
        if bool(sufficient_decrease.all()):
            return length, new_loss, new_gradient
        length = torch.where(sufficient_decrease, length, length / 2)
    length = torch.where(sufficient_decrease, length, 0.0)
    return length, *problem(weights + length[:, None, None] * direction)


def _dot(a: Tensor, b: Tensor) -> PerPenalty:
    return (a * b).sum(dim=(1, 2))
