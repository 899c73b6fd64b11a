"""How far a student is from its teacher, clip by clip.

Axes: batch, outputs = classes or labels, taught = width of the teacher's features.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from videomae2.models.cards import TaskType

FeatureDistance = Literal["cosine", "squared"]


def kl_divergence(
    scores: Float[Tensor, "batch outputs"],
    teacher_scores: Float[Tensor, "batch outputs"],
    temperature: float,
    task_type: TaskType = "multiclass",
) -> Float[Tensor, " batch"]:
    """Kullback-Leibler divergence of a student's distribution from the teacher's, of each clip.

    Of labels of which any number holds: of each label's two-sided distribution, on average.

    Source: arXiv 1503.02531 section 2, without the square of the temperature.
    """
    student_logits, teacher_logits = scores / temperature, teacher_scores / temperature
    if task_type == "multilabel":
        sides = [
            F.kl_div(F.logsigmoid(sign * student_logits), F.logsigmoid(sign * teacher_logits),
                     reduction="none", log_target=True)
            for sign in (1, -1)
        ]  # fmt: skip
        return torch.stack(sides).sum(dim=0).mean(dim=1)
    student_logits, teacher_logits = F.log_softmax(student_logits, dim=1), F.log_softmax(teacher_logits, dim=1)
    return F.kl_div(student_logits, teacher_logits, reduction="none", log_target=True).sum(dim=1)


def compute_feature_distances(
    student_features: Float[Tensor, "batch teacher_dim"],
    teacher_features: Float[Tensor, "batch teacher_dim"],
    kind: FeatureDistance,
) -> Float[Tensor, " batch"]:
    """How far features are from the teacher's, of each clip."""
    if kind == "cosine":
        return 1 - F.cosine_similarity(student_features, teacher_features, dim=1)
    return (student_features - teacher_features).square().mean(dim=1)


def hard_labels(teacher_scores: Float[Tensor, "batch outputs"], task_type: TaskType) -> Tensor:
    """What a teacher takes clips for: the number of one class, or 0 and 1 for each label."""
    return (teacher_scores > 0).float() if task_type == "multilabel" else teacher_scores.argmax(dim=1)
