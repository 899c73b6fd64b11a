"""What the outputs of a classifier mean: its losses and metrics, and the names of its outputs.

Axes: batch, videos; outputs = classes, labels or numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float64
from torch import Tensor

from videomae2.base.names import printable
from videomae2.errors import DataError
from videomae2.metrics.classification import (
    ClassificationType,
    mean_average_precision,
    mean_class_accuracy,
    top_k_accuracy,
)
from videomae2.tensors.label_losses import (
    RegressionDistance,
    binary_cross_entropy,
    regression_errors,
    smooth_labels,
    soft_cross_entropy,
    to_soft_targets,
)

TaskType = Literal["multiclass", "multilabel", "regression"]
"""What outputs mean: scores of which exactly one is right, of which any number is, or values."""

Scores = Float[Tensor, "batch outputs"]
Scale = Float[Tensor, " _"] | float
"""What numbers are counted in: their deviation over the training videos."""
Losses = tuple[Tensor, Tensor | None]
"""Loss of each clip, and how much it counts where classes have weights."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LossOptions:
    """What a loss takes beside scores and targets; each task type uses its own."""

    smoothing: float = 0.0
    class_weights: Float[Tensor, " outputs"] | None = None
    distance: RegressionDistance = "squared"
    scale: Scale = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskTypeSpec:
    """All that depends on what outputs mean; a new task type is a row of ``TASK_TYPES``."""

    noun: str
    """What the outputs are, in a table of the data."""
    label_description: str
    """What a list answers, in words."""
    compute_losses: Callable[[Scores, Tensor, LossOptions], Losses]
    batch_metrics: Callable[[Scores, Tensor, Scale], dict[str, Tensor]]
    """Of each clip, for the log of training."""
    compute_metrics: Callable[[Scores, Tensor, Scale], dict[str, float]]
    """Of raw scores of whole videos, in validation; among them ``best_metric`` and ``loss``."""
    best_metric: str
    """Chooses the best model; ``loss`` decides between equals."""
    maximize: bool = True


def _multiclass_losses(scores: Tensor, targets: Tensor, options: LossOptions) -> Losses:
    soft_targets = to_soft_targets(targets, scores.shape[1])
    losses = soft_cross_entropy(scores, smooth_labels(soft_targets, options.smoothing))
    weights = options.class_weights
    return losses, None if weights is None else soft_targets @ weights


def _multilabel_losses(scores: Tensor, targets: Tensor, options: LossOptions) -> Losses:
    smoothed = targets * (1 - options.smoothing) + options.smoothing / 2
    return binary_cross_entropy(scores, smoothed, options.class_weights), None


def _regression_losses(scores: Tensor, targets: Tensor, options: LossOptions) -> Losses:
    return regression_errors(scores, targets, options.distance, scale=options.scale), None


def _multiclass_batch(scores: Tensor, targets: Tensor, scale: Scale) -> dict[str, Tensor]:
    # of mixed clips the larger share counts
    expected = targets if targets.ndim == 1 else targets.argmax(dim=1)
    return {"accuracy": (scores.argmax(dim=1) == expected).float()}


def _multilabel_batch(scores: Tensor, targets: Tensor, scale: Scale) -> dict[str, Tensor]:
    return {"label_accuracy": ((scores > 0) == (targets > 0.5)).float().mean(dim=1)}


def _regression_batch(scores: Tensor, targets: Tensor, scale: Scale) -> dict[str, Tensor]:
    return {"mae": regression_errors(scores, targets, "absolute", scale=scale)}


def _multiclass_metrics(scores: Tensor, targets: Tensor, scale: Scale) -> dict[str, float]:
    probabilities, labels = torch.softmax(scores.double(), dim=1).numpy(), targets.numpy()
    values = {
        "accuracy": top_k_accuracy(probabilities, labels, k=1),
        "mean_class_accuracy": mean_class_accuracy(probabilities, labels),
        "loss": soft_cross_entropy(scores, to_soft_targets(targets, scores.shape[1])).mean().item(),
    }
    if scores.shape[1] > 5:
        values["top5_accuracy"] = top_k_accuracy(probabilities, labels, k=5)
    return values


def _multilabel_metrics(scores: Tensor, targets: Tensor, scale: Scale) -> dict[str, float]:
    probabilities, positive = scores.sigmoid().double().numpy(), targets.numpy() > 0.5
    if not positive.any():
        raise DataError(
            "none of the held-out videos that can be read has any of the labels, so there is "
            "nothing to judge by; repair those that cannot be read, or hold out others"
        )
    return {
        "mAP": mean_average_precision(probabilities, positive),
        "loss": F.binary_cross_entropy_with_logits(scores, targets).item(),
    }


def _regression_metrics(scores: Tensor, targets: Tensor, scale: Scale) -> dict[str, float]:
    return {
        "mae": regression_errors(scores, targets, "absolute", scale=scale).mean().item(),
        "loss": regression_errors(scores, targets, "squared", scale=scale).mean().item(),
    }


TASK_TYPES: dict[TaskType, TaskTypeSpec] = {
    "multiclass": TaskTypeSpec(
        noun="classes",
        label_description="classes, one right",
        compute_losses=_multiclass_losses,
        batch_metrics=_multiclass_batch,
        compute_metrics=_multiclass_metrics,
        best_metric="accuracy",
    ),
    "multilabel": TaskTypeSpec(
        noun="classes",
        label_description="labels",
        compute_losses=_multilabel_losses,
        batch_metrics=_multilabel_batch,
        compute_metrics=_multilabel_metrics,
        best_metric="mAP",
    ),
    "regression": TaskTypeSpec(
        noun="outputs",
        label_description="numbers",
        compute_losses=_regression_losses,
        batch_metrics=_regression_batch,
        compute_metrics=_regression_metrics,
        best_metric="mae",
        maximize=False,
    ),
}


@dataclass(frozen=True, slots=True)
class LabelSpace:
    """The outputs of a model."""

    task_type: TaskType
    count: int
    class_names: tuple[str, ...] | None
    """None if the model does not know them."""

    @property
    def classification_type(self) -> ClassificationType | None:
        """How scores become probabilities; None for numbers, which stay as they are."""
        return None if self.task_type == "regression" else self.task_type

    def get_name(self, index: int) -> str:
        """The name of an output, or its number in words."""
        if self.class_names is not None:
            return printable(self.class_names[index])
        return f"{'number' if self.task_type == 'regression' else 'class'} {index}"

    def get_threshold(self, override: float | None) -> float:
        """The probability from which a class holds: of exclusive classes the best always does."""
        if override is not None:
            return override
        return 0.0 if self.task_type == "multiclass" else 0.5


@dataclass(frozen=True, slots=True)
class ClassScore:
    """An output with what the model says of it."""

    index: int
    name: str
    score: float
    """A probability, or a number as it is."""


def rank_topk(
    scores: Float64[np.ndarray, " outputs"], label_space: LabelSpace, k: int
) -> list[ClassScore]:
    """The most probable classes first, equal ones in their order; numbers all, in their order."""
    order = list(range(label_space.count))
    if label_space.classification_type is not None:
        order = np.argsort(-scores, kind="stable")[:k].tolist()
    return [ClassScore(i, label_space.get_name(i), float(scores[i])) for i in order]


def find_active_classes(
    scores: Float64[np.ndarray, " outputs"], label_space: LabelSpace, threshold: float
) -> list[ClassScore]:
    """The class that holds, or all that do, the most probable first; none of numbers."""
    if label_space.task_type == "regression":
        return []
    k = 1 if label_space.task_type == "multiclass" else label_space.count
    return [each for each in rank_topk(scores, label_space, k) if each.score >= threshold]
