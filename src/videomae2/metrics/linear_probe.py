"""Linear probes of frozen features: scaling, ridge, and multinomial logistic regression.

Axes: videos, dim, classes, l2 = penalties; rows = principal axes with any variance, then the bias.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

L2_VALUES = tuple(10.0**power for power in range(-4, 5))
_CONSTANT_TOLERANCE = 1e-6  # a feature that moves less than this, relative to its size, is constant
_MIN_RELATIVE_VARIANCE = 1e-12  # variance of an axis, relative to the largest, that counts as none
_MIN_VIDEO_VARIANCE = 1e-10  # likewise, where axes are made from videos and divided by its root


@dataclass(frozen=True, slots=True)
class FeatureScaler:
    """Mean and standard deviation of each training feature.

    Unlike scikit-learn's StandardScaler it works on the features' device and turns a feature that
    is constant in training into 0 everywhere.
    """

    mean: Float[Tensor, " dim"]
    std: Float[Tensor, " dim"]

    @classmethod
    def fit(cls, train: Float[Tensor, "videos dim"]) -> "FeatureScaler":
        x = train.double()
        mean = x.mean(dim=0)
        std = (x - mean).square().mean(dim=0).sqrt()
        is_constant = std <= _CONSTANT_TOLERANCE * x.abs().amax(dim=0)
        return cls(mean, torch.where(is_constant, torch.inf, std))

    def __call__(self, x: Float[Tensor, "videos dim"]) -> Float[Tensor, "videos dim"]:
        return (x.double() - self.mean) / self.std


@dataclass(frozen=True, slots=True)
class RidgeFit:
    """A linear map from features, scaled as in training, to scores of classes."""

    weights: Float[Tensor, "dim classes"]
    bias: Float[Tensor, " classes"]
    l2: float
    """Penalty: this times |weights|^2 is added to the squared error per video."""
    leave_one_out_error: float
    """Mean squared error of each video by the fit without it."""

    def __call__(self, x: Float[Tensor, "videos dim"]) -> Float[Tensor, "videos classes"]:
        return x.to(self.weights) @ self.weights + self.bias


@torch.no_grad()
def fit_ridge(
    x: Float[Tensor, "videos dim"],
    labels: Int[Tensor, " videos"],
    num_classes: int,
    l2_values: Sequence[float] = L2_VALUES,
) -> RidgeFit:
    """Fit every penalty in closed form and take the one of the least leave-one-out error.

    ``x`` is standardized on these videos, so every column's mean is 0. Penalties are above 0; the
    first of equals is taken.

    Source: Allen's PRESS; Hastie, Tibshirani & Friedman, The Elements of Statistical Learning,
        2nd edition, section 7.10.1.
    """
    target = F.one_hot(labels.long(), num_classes).double()
    bias = target.mean(dim=0)
    u, s, vt = torch.linalg.svd(x.double(), full_matrices=False)
    projections = u.T @ (target - bias)
    errors = [_leave_one_out_error(u, s, projections, target - bias, l2) for l2 in l2_values]
    best = errors.index(min(errors))
    shrunk = s / (s.square() + len(x) * l2_values[best])
    return RidgeFit(vt.T @ (shrunk[:, None] * projections), bias, l2_values[best], errors[best])


def _leave_one_out_error(
    u: Tensor, s: Tensor, projections: Tensor, target: Tensor, l2: float
) -> float:
    # leaving a video out divides its residual by what the fit does not take from the video itself
    shrinkage = s.square() / (s.square() + len(u) * l2)
    residuals = target - u @ (shrinkage[:, None] * projections)
    leverage = 1 / len(u) + u.square() @ shrinkage
    return (residuals / (1 - leverage).clamp(min=1e-9)[:, None]).square().mean().item()


@dataclass(frozen=True, slots=True)
class LinearFit:
    """The heads of all penalties."""

    weights: Float64[Tensor, "l2 dim classes"]
    bias: Float64[Tensor, "l2 classes"]

    def compute_scores(
        self, x: Float[Tensor, "videos dim"]
    ) -> Float64[Tensor, "l2 videos classes"]:
        """Give the scores of features that are scaled as in training."""
        return x.double() @ self.weights + self.bias[:, None]


@torch.no_grad()
def fit_ridge_path(
    x: Float[Tensor, "videos dim"],
    labels: Int[Tensor, " videos"],
    num_classes: int,
    l2_values: Sequence[float],
) -> LinearFit:
    """Fit every penalty in closed form, as ``fit_ridge`` does, and give them all.

    Solved for the weights of features or of videos, whichever are fewer.
    """
    target, x = F.one_hot(labels.long(), num_classes).double(), x.double()
    bias, by_videos = target.mean(dim=0), len(x) < x.shape[1]
    products = (x @ x.T if by_videos else x.T @ x) / len(x)
    wanted = target - bias if by_videos else x.T @ (target - bias)
    weights = []
    for l2 in l2_values:
        penalized = products + l2 * torch.eye(len(products), dtype=x.dtype, device=x.device)
        solution = torch.cholesky_solve(wanted, torch.linalg.cholesky(penalized)) / len(x)
        weights.append(x.T @ solution if by_videos else solution)
    return LinearFit(torch.stack(weights), bias.expand(len(l2_values), -1))


def _find_principal_axes(
    x: Float[Tensor, "videos dim"],
) -> tuple[Float64[Tensor, " rank"], Float64[Tensor, "dim rank"]]:
    """Give the variance along each axis of centred features that has any, and these axes.

    Solved for features or for videos, whichever are fewer.
    """
    x = x.double()
    if len(x) >= x.shape[1]:
        variance, axes = torch.linalg.eigh(x.T @ x / len(x))
        has_variance = variance > _MIN_RELATIVE_VARIANCE * variance[-1].clamp(min=1e-300)
        return variance[has_variance], axes[:, has_variance]
    variance, videos = torch.linalg.eigh(x @ x.T / len(x))
    has_variance = variance > _MIN_VIDEO_VARIANCE * variance[-1].clamp(min=1e-300)
    variance, videos = variance[has_variance], videos[:, has_variance]
    return variance, x.T @ videos / (variance * len(x)).sqrt()


@dataclass(frozen=True, slots=True)
class LogisticFit(LinearFit):
    """The heads of all penalties, and how they were found."""

    converged: Bool[Tensor, " l2"]
    """Whether the scaled gradient fell to the tolerance."""
    num_steps: int
    """Steps of the slowest."""


def fit_logistic(
    x: Float[Tensor, "videos dim"],
    labels: Int[Tensor, " videos"],
    num_classes: int,
    l2_values: Sequence[float],
    *,
    tolerance: float = 1e-6,
    max_steps: int = 500,
) -> LogisticFit:
    """Minimize mean cross-entropy + l2 / 2 * |weights|^2, without a penalty on the bias.

    Each penalty has one optimum. The strongest is solved first; each starts from the one before.

    ``x`` is standardized on these videos, so every column's mean is 0. Penalties are above 0, in
    any order. The tolerance is of the largest entry of the gradient, in units of the root of the
    curvature; a penalty takes ``max_steps`` steps of L-BFGS at most.

    Source: Böhning, "Multinomial logistic regression algorithm", AISM 1992, for the bound.
    """
    variance, axes = _find_principal_axes(x)
    rows = F.pad(x.double() @ axes, (0, 1), value=1.0)
    weights = x.new_zeros((rows.shape[1], num_classes), dtype=torch.float64)
    optima = {}
    for l2 in sorted(l2_values, reverse=True):
        penalty = l2 * F.pad(torch.ones_like(variance), (0, 1))[:, None]
        # along principal axes a bound of the curvature is diagonal; in units of its root the
        # problem is round, which saves L-BFGS a third of its steps
        scale = (0.5 * F.pad(variance, (0, 1), value=1.0)[:, None] + penalty).rsqrt()

        def compute_loss(
            scaled: Tensor, scale: Tensor = scale, penalty: Tensor = penalty
        ) -> Tensor:
            loss = F.cross_entropy(rows @ (scale * scaled), labels.long())
            return loss + 0.5 * (penalty * (scale * scaled).square()).sum()

        scaled, steps, gradient = _minimize(compute_loss, weights / scale, tolerance, max_steps)
        weights = scale * scaled
        optima[l2] = weights, steps, gradient <= tolerance
    solutions, num_steps, converged = zip(*(optima[l2] for l2 in l2_values), strict=True)
    solution = torch.stack(solutions)
    return LogisticFit(
        axes @ solution[:, :-1], solution[:, -1], torch.tensor(converged), max(num_steps)
    )


def _minimize(
    loss_fn: Callable[[Tensor], Tensor], start: Tensor, tolerance: float, max_steps: int
) -> tuple[Tensor, int, float]:  # the point, steps, largest entry of the gradient
    point = start.detach().clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [point], max_iter=max_steps, max_eval=4 * max_steps, tolerance_grad=tolerance,
        tolerance_change=0, history_size=10, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        with torch.enable_grad():
            loss = loss_fn(point)
        (point.grad,) = torch.autograd.grad(loss, [point])
        return loss

    optimizer.step(closure)
    closure()  # LBFGS leaves the gradient of the last point that it tried
    assert point.grad is not None
    return point.detach(), optimizer.state[point]["n_iter"], point.grad.abs().max().item()
