"""Classes from frozen features: ridge and logistic regression, nearest neighbours.

Features are standardised by what the training part alone says of them. Logistic regression is
strictly convex, so a strength of the penalty has one answer, and neither a learning rate nor a
length of training is to be chosen. All strengths are solved side by side by L-BFGS in the basis of
the features' principal axes, where a bound of the curvature is diagonal and serves as its start.

Axes: videos; dim; classes; strengths; rank = principal axes with any variance; rows = rank + 1 (the
last is the bias); test, train = videos; k = neighbours, nearest first.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float64, Int, Int64
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


def _leave_one_out_error(
    u: Tensor, s: Tensor, projections: Tensor, target: Tensor, l2: float
) -> float:
    """Mean square of what a fit without each video says wrong of it; the intercept is fitted."""
    shrinkage = s.square() / (s.square() + len(u) * l2)
    residuals = target - u @ (shrinkage[:, None] * projections)
    leverage = 1 / len(u) + u.square() @ shrinkage
    return (residuals / (1 - leverage).clamp(min=1e-9)[:, None]).square().mean().item()


KNN_TEMPERATURE = 0.07
"""Of the weighted vote, as in Wu et al., "Unsupervised feature learning via non-parametric instance
discrimination", CVPR 2018, and in DINO."""


_CHUNK_ROWS = 256


@torch.no_grad()
def find_nearest(
    test: Float[Tensor, "test dim"], train: Float[Tensor, "train dim"], k: int
) -> tuple[Float64[np.ndarray, "test k"], Int64[np.ndarray, "test k"]]:
    """Find the ``k`` training videos of the highest cosine, and give (cosines, their numbers).

    Of equal cosines the one that comes first in the training set is nearer, on every device.

    Raises:
        ValueError: ``k`` is not between 1 and the number of training videos.
    """
    if not 1 <= k <= len(train):
        raise ValueError(f"k is {k}, wanted 1 to {len(train)}, the number of training videos")
    train_unit = F.normalize(train.float(), dim=1)
    chunks = [_find_nearest_chunk(rows, train_unit, k) for rows in test.float().split(_CHUNK_ROWS)]
    cosines = torch.cat([part[0] for part in chunks]).double().cpu().numpy()
    return cosines, torch.cat([part[1] for part in chunks]).cpu().numpy()


def _find_nearest_chunk(test: Tensor, train: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Sort whole numbers that are all different: the cosine's bits, then the place from behind."""
    # 0 is added since -0 has other bits than 0
    cosines = F.normalize(test, dim=1) @ train.T + 0.0
    bits = cosines.view(torch.int32)
    ordered_bits = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).long()
    tie_break = torch.arange(len(train) - 1, -1, -1, device=train.device)
    index = ((ordered_bits << 32) + tie_break).topk(k, dim=1).indices
    return cosines.gather(1, index), index


def compute_weighted_votes(
    cosines: Float64[np.ndarray, "test k"],
    labels: Int[np.ndarray, "test k"],
    num_classes: int,
    *,
    temperature: float = KNN_TEMPERATURE,
) -> Float64[np.ndarray, "test classes"]:
    """Add up exp(cosine / temperature) of the neighbours of each class; the nearest weighs 1."""
    weights = np.exp((cosines - cosines[:, :1]) / temperature)
    return _sum_by_class(weights, labels, num_classes)


def count_votes(
    labels: Int[np.ndarray, "test k"], num_classes: int
) -> Float64[np.ndarray, "test classes"]:
    """Count the neighbours of each class; of equal counts the class of the nearer one is ahead.

    The lead is less than one vote and never the same for two classes that have a vote.
    """
    k = labels.shape[1]
    votes = _sum_by_class(np.ones(labels.shape), labels, num_classes)
    first = np.full(votes.shape, k)
    np.minimum.at(first, (np.arange(len(labels))[:, None], labels), np.arange(k))
    return votes + (k - first) / (k + 1)


def _sum_by_class(
    values: Float64[np.ndarray, "test k"], labels: Int[np.ndarray, "test k"], num_classes: int
) -> Float64[np.ndarray, "test classes"]:
    """Add up values by row and label, in order: the same bits every time."""
    cells = np.arange(len(labels))[:, None] * num_classes + labels
    total = np.bincount(cells.ravel(), values.ravel(), minlength=len(labels) * num_classes)
    return total.reshape(len(labels), num_classes)


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

    def compute_scores(
        self, x: Float[Tensor, "videos dim"]
    ) -> Float64[Tensor, "strengths videos classes"]:
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
        history.append(
            _LbfgsUpdate(
                step_taken, new_gradient - gradient, torch.where(curvature > 0, 1 / curvature, 0.0)
            )
        )
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
        return _LbfgsUpdate(
            self.step[selected], self.gradient_change[selected], self.inverse[selected]
        )


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
