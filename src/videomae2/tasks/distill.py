"""Distillation: a student follows a teacher that is asked about the very same clips.

Axes: batch, outputs = classes or labels, dim, teacher_dim = width of the teacher's features.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32
from torch import Generator, Tensor, nn

from videomae2.base.ranges import BELOW_ONE, NOT_NEGATIVE, POSITIVE
from videomae2.models.classifier import Classifier
from videomae2.models.encoder import Normalize
from videomae2.models.layers import Linear
from videomae2.models.task_type import TASK_TYPES, LossOptions, TaskType
from videomae2.tasks.classify import compute_batch_metrics
from videomae2.tensors.clips import Clips
from videomae2.tensors.label_losses import weighted_mean
from videomae2.tensors.normalization import Normalization

CacheDtype = Literal["float32", "float16"]
FeatureDistance = Literal["cosine", "squared"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TeacherConfig:
    """The model that a student learns from."""

    weights: Path | None = None
    """A fine-tuning run (its best model), a saved classifier, or weights of other software."""
    cache_dir: Path | None = None
    """A folder where its scores are kept, each with the draws that made the clip. Another run with
    the same clips, such as one for another student, takes them from there instead of asking."""
    cache_dtype: CacheDtype = "float32"
    """How they are kept; in half precision they are used in it from the first run on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillConfig:
    """What a student is held against, and how much each part counts."""

    temperature: Annotated[float, POSITIVE] = 3.0
    """Scores of teacher and student are divided by this before the softmax; the higher, the more
    the classes count that the teacher holds for unlikely."""
    square_temperature: bool = True
    """Multiply the divergence by the square of the temperature, so that its gradient keeps its
    size. The paper does not say."""
    soft_weight: Annotated[float, NOT_NEGATIVE] = 1.0
    """Weight of the divergence from the teacher's distribution."""
    hard_weight: Annotated[float, NOT_NEGATIVE] = 0.0
    """Weight of the cross-entropy with the labels of the data."""
    label_smoothing: Annotated[float, BELOW_ONE] = 0.0
    """Share of a label that is spread over all classes, in training."""
    feature_weight: Annotated[float, NOT_NEGATIVE] = 0.0
    """Weight of the distance from the teacher's features, after a linear map that is learnt
    beside the student and is not a part of it."""
    feature_distance: FeatureDistance = "cosine"
    """One minus the cosine, or the mean square."""


@dataclass(frozen=True, slots=True)
class TeacherOutput:
    """What a teacher says of clips."""

    scores: Float32[Tensor, "batch outputs"]
    """Raw, before softmax or sigmoid."""
    features: Float32[Tensor, "batch teacher_dim"] | None = None
    """What its head reads, where that is asked for."""


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
    log_p, log_q = F.log_softmax(student_logits, dim=1), F.log_softmax(teacher_logits, dim=1)
    return F.kl_div(log_p, log_q, reduction="none", log_target=True).sum(dim=1)


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
    is_multilabel = task_type == "multilabel"
    return (teacher_scores > 0).float() if is_multilabel else teacher_scores.argmax(dim=1)


def build_projection(student: Classifier, teacher_dim: int, generator: Generator) -> Linear:
    """The map from a student's features to the teacher's, where they are compared."""
    projection = Linear(student.config.num_features, teacher_dim)
    nn.init.xavier_uniform_(projection.weight, generator=generator)
    nn.init.zeros_(projection.bias)
    return projection


class DistillTask(nn.Module):
    """Turns clips into the loss of a student, the model, that is held against a teacher's answer.

    The teacher is asked once for each batch of clips, in the order they come. ``projection`` leads
    from the student's features to the teacher's; None where they are not compared.
    """

    def __init__(
        self,
        model: Classifier,
        teacher: Callable[[Clips], TeacherOutput],
        config: DistillConfig,
        *,
        projection: Linear | None = None,
        task_type: TaskType = "multiclass",
        normalization: Normalization | None = None,
    ) -> None:
        super().__init__()
        for problem in ineffective_settings(config):
            raise ValueError(problem)
        if task_type == "regression":
            raise ValueError("a teacher that predicts numbers has no distribution to follow")
        self.model, self.projection, self.teacher = model, projection, teacher
        self.config, self.task_type = config, task_type
        self.normalize = Normalize(normalization or Normalization(), model.cubes.channels)

    def forward(self, clips: Clips) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Give the loss, how many clips count in it, and its parts for the log."""
        teacher_output = self.teacher(clips)
        features = self._compute_features(clips)
        projected = None if self.projection is None else self.projection(features).float()
        scores = self.model.forward_head(features, keys=clips.keys).float()
        loss, metrics = self.compute_loss(scores, projected, teacher_output, clips)
        if clips.targets is not None:
            teacher_metrics = compute_batch_metrics(teacher_output.scores, clips, self.task_type)
            metrics |= {f"teacher_{name}": value for name, value in teacher_metrics.items()}
        return loss, clips.weights.sum(), metrics

    def predict(self, clips: Clips) -> Float[Tensor, "batch outputs"]:
        """Give the student's raw scores of whole clips."""
        return self.model.forward_head(self._compute_features(clips), keys=clips.keys)

    def _compute_features(self, clips: Clips) -> Float[Tensor, "batch dim"]:
        cubes = self.normalize.split(clips.pixels, self.model.cubes)
        return self.model.forward_features(cubes, keys=clips.keys)

    def compute_loss(
        self, scores: Tensor, features: Tensor | None, teacher_output: TeacherOutput, clips: Clips
    ) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
        """Give the weighted sum, a mean over the clips that count; and its parts.

        ``kl`` is the divergence at the temperature, before its square and its weight.
        """
        config, parts = self.config, {}
        kl = kl_divergence(scores, teacher_output.scores, config.temperature, self.task_type)
        parts["kl"] = _weighted_mean(kl, clips)
        kl_scale = config.temperature**2 if config.square_temperature else 1.0
        total = config.soft_weight * kl_scale * parts["kl"] if config.soft_weight else 0.0
        if config.hard_weight:
            parts["hard"] = _weighted_mean(self._hard_losses(scores, clips), clips)
            total = total + config.hard_weight * parts["hard"]
        if config.feature_weight:
            if features is None or teacher_output.features is None:
                raise ValueError("feature_weight asks for features of student and teacher")
            distances = compute_feature_distances(
                features, teacher_output.features, config.feature_distance
            )
            parts["features"] = _weighted_mean(distances, clips)
            total = total + config.feature_weight * parts["features"]
        assert isinstance(total, Tensor)
        return total, parts | self._compute_agreements(scores, teacher_output, clips)

    def _hard_losses(self, scores: Tensor, clips: Clips) -> Float[Tensor, " batch"]:
        if clips.targets is None:
            raise ValueError("these clips have no labels, and hard_weight asks for them")
        options = LossOptions(smoothing=self.config.label_smoothing if self.training else 0.0)
        return TASK_TYPES[self.task_type].compute_losses(scores, clips.targets, options)[0]

    def _compute_agreements(
        self, scores: Tensor, teacher_output: TeacherOutput, clips: Clips
    ) -> dict[str, Tensor]:
        taught = replace(clips, targets=hard_labels(teacher_output.scores, self.task_type))
        (agreement,) = compute_batch_metrics(scores, taught, self.task_type).values()
        if clips.targets is None:
            return {"agreement": agreement}
        return {"agreement": agreement, **compute_batch_metrics(scores, clips, self.task_type)}


def ineffective_settings(config: DistillConfig) -> list[str]:
    """Name the settings that have no effect beside the others."""
    defaults, problems = DistillConfig(), []
    if not (config.soft_weight or config.hard_weight or config.feature_weight):
        problems.append("soft_weight, hard_weight and feature_weight are all 0: nothing is learnt")
    for weight, name in (
        ("soft_weight", "square_temperature"),
        ("hard_weight", "label_smoothing"),
        ("feature_weight", "feature_distance"),
    ):
        if not getattr(config, weight) and getattr(config, name) != getattr(defaults, name):
            problems.append(f"{name} has no effect with {weight} 0; leave it out")
    return problems


def _weighted_mean(values: Tensor, clips: Clips) -> Float[Tensor, ""]:
    return weighted_mean(values, clips.weights)[0]
