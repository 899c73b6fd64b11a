"""How good the answers to held-out videos are, in a few numbers, and which of two is better.

Axes: videos, outputs.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from videomae2.errors import DataError
from videomae2.models.cards import TaskType
from videomae2.models.number_scale import TargetScaler
from videomae2.tasks.classify import regression_errors, soft_cross_entropy
from videomae2.tensors.accuracy import mean_class_accuracy, top_k_accuracy
from videomae2.tensors.precision import mean_average_precision
from videomae2.tensors.targets import to_soft_targets


@dataclass(frozen=True, slots=True)
class ValidationMetrics:
    """Numbers by name; the first is the one that counts, and ``loss`` decides between equals."""

    values: dict[str, float]

    @property
    def rank(self) -> tuple[float, float]:
        """Larger is better."""
        name, first = next(iter(self.values.items()))
        return (-first if name == "mae" else first), -self.values["loss"]


def is_better(candidate: ValidationMetrics, best: ValidationMetrics) -> bool:
    """Whether one is better than the other; equal ones are not."""
    return candidate.rank > best.rank


def compute_metrics(
    task_type: TaskType, scores: Tensor, targets: Tensor, target_scaler: TargetScaler | None = None
) -> ValidationMetrics:
    """Measure raw scores [videos, outputs] against the targets of a task.

    Numbers count in their deviation over the training videos, so that none outweighs another.

    Raises:
        DataError: No label holds for any of the videos.
    """
    if task_type == "regression":
        unit = 1.0 if target_scaler is None else torch.tensor(target_scaler.std)
        return ValidationMetrics(
            {
                "mae": regression_errors(scores, targets, "absolute", scale=unit).mean().item(),
                "loss": regression_errors(scores, targets, "squared", scale=unit).mean().item(),
            }
        )
    if task_type == "multilabel":
        probabilities, positive = scores.sigmoid().double().numpy(), targets.numpy() > 0.5
        if not positive.any():
            raise DataError(
                "none of the held-out videos that can be read has any of the labels, so there is "
                "nothing to judge by; repair those that cannot be read, or hold out others"
            )
        return ValidationMetrics(
            {
                "mAP": float(mean_average_precision(probabilities, positive)),
                "loss": F.binary_cross_entropy_with_logits(scores, targets).item(),
            }
        )
    probabilities = torch.softmax(scores.double(), dim=1).numpy()
    labels = targets.numpy()
    values = {
        "accuracy": float(top_k_accuracy(probabilities, labels, k=1)),
        "mean_class_accuracy": float(mean_class_accuracy(probabilities, labels)),
        "loss": soft_cross_entropy(scores, to_soft_targets(targets, scores.shape[1])).mean().item(),
    }
    if scores.shape[1] > 5:
        values["top5_accuracy"] = float(top_k_accuracy(probabilities, labels, k=5))
    return ValidationMetrics(values)
