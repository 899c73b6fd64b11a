"""Distillation: students follow a teacher that is asked about the very same clips.

Axes: batch, outputs = classes or labels, tokens, values, dim, teacher_dim = width of the teacher's
features.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int64
from torch import Generator, Tensor, nn

from videomae2.base.ranges import BELOW_ONE, NOT_NEGATIVE, POSITIVE
from videomae2.models.classifier import Classifier
from videomae2.models.layers import Linear
from videomae2.models.task_type import TaskType
from videomae2.tasks.classify import compute_batch_metrics
from videomae2.tensors import grid, pixels
from videomae2.tensors.clips import Clips
from videomae2.tensors.targets import (
    binary_cross_entropy,
    smooth_labels,
    soft_cross_entropy,
    to_soft_targets,
    weighted_mean,
)

CacheDtype = Literal["float32", "float16"]
FeatureDistance = Literal["cosine", "squared"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TeacherConfig:
    """The model that students learn from."""

    weights: Path | None = None
    """A fine-tuning run (its best model), a saved classifier, or a released file."""
    cache_dir: Path | None = None
    """A folder where its scores are kept, each with the draws that made the clip. Another run with
    the same clips, such as one for another student, takes them from there instead of asking."""
    cache_dtype: CacheDtype = "float32"
    """How they are kept; in half precision they are used in it from the first run on."""


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
    student_logits, teacher_logits = (
        F.log_softmax(student_logits, dim=1),
        F.log_softmax(teacher_logits, dim=1),
    )
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
    return (
        (teacher_scores > 0).float() if task_type == "multilabel" else teacher_scores.argmax(dim=1)
    )


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
    beside each student and is not a part of it."""
    feature_distance: FeatureDistance = "cosine"
    """One minus the cosine, or the mean square."""


@dataclass(frozen=True, slots=True)
class TeacherOutput:
    """What a teacher says of clips."""

    scores: Float32[Tensor, "batch outputs"]
    """Raw, before softmax or sigmoid."""
    features: Float32[Tensor, "batch teacher_dim"] | None = None
    """What its head reads, where that is asked for."""


TeacherFn = Callable[[Clips], TeacherOutput]


_NO_DISTRIBUTION = "a teacher that predicts numbers has no distribution over classes to follow"


class Student(nn.Module):
    """A classifier, and the map from its features to the teacher's where they are compared."""

    def __init__(
        self, classifier: Classifier, *, teacher_dim: int | None = None, generator: Generator
    ) -> None:
        super().__init__()
        self.classifier = classifier
        self.projection = None
        if teacher_dim is not None:
            self.projection = Linear(classifier.config.encoder.shape.embed_dim, teacher_dim)
            nn.init.xavier_uniform_(self.projection.weight, generator=generator)
            nn.init.zeros_(self.projection.bias)

    def forward(
        self,
        values: Float[Tensor, "batch tokens values"],
        *,
        keys: Int64[Tensor, " batch"] | None = None,
    ) -> tuple[Float[Tensor, "batch outputs"], Float[Tensor, "batch teacher_dim"] | None]:
        """Give raw scores, and features to hold against the teacher's."""
        features = self.classifier.forward_features(values, keys=keys)
        projected = None if self.projection is None else self.projection(features)
        return self.classifier.forward_head(features, keys=keys), projected


class DistillTask(nn.Module):
    """Turns clips into the sum of the losses of all students, each held against one answer.

    Args of the constructor:
        students: By their names, which stand before their metrics.
        teacher: Is asked once for each batch of clips, in the order they come.
        config: What counts how much.
        task_type: What the outputs mean.
        mean: Of each channel of the clips, for the students.
        std: Of each channel.
    """

    def __init__(
        self,
        students: Mapping[str, Student],
        teacher: TeacherFn,
        config: DistillConfig,
        *,
        task_type: TaskType = "multiclass",
        mean: tuple[float, ...] = pixels.IMAGENET_MEAN,
        std: tuple[float, ...] = pixels.IMAGENET_STD,
    ) -> None:
        super().__init__()
        if not students:
            raise ValueError("there are no students")
        for problem in [
            *ineffective_settings(config),
            *([_NO_DISTRIBUTION] if task_type == "regression" else []),
        ]:
            raise ValueError(problem)
        self.student_names = tuple(students)
        self.model = nn.ModuleList(students.values())
        self.teacher = teacher
        self.config, self.task_type = config, task_type
        self.mean = nn.Buffer(torch.tensor(mean), persistent=False)
        self.std = nn.Buffer(torch.tensor(std), persistent=False)

    mean: Tensor
    std: Tensor

    def forward(self, clips: Clips) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Give the loss, how many clips count in it, and the parts of each student for the log."""
        teacher_output = self.teacher(clips)
        losses: list[Tensor] = []
        metrics: dict[str, Tensor] = {}
        for name, student in zip(self.student_names, self.model, strict=True):
            loss, student_metrics = self.compute_loss(
                *self.predict_student(student, clips), teacher_output, clips
            )
            losses.append(loss)
            metrics |= {f"{name}/{part}": value for part, value in student_metrics.items()}
        if clips.targets is not None:
            teacher_metrics = compute_batch_metrics(teacher_output.scores, clips, self.task_type)
            metrics |= {f"teacher/{part}": value for part, value in teacher_metrics.items()}
        return torch.stack(losses).sum(), clips.weights.sum(), metrics

    def predict_student(self, student: nn.Module, clips: Clips) -> tuple[Tensor, Tensor | None]:
        """Give a student's scores and, where they are compared, its features, of whole clips."""
        assert isinstance(student, Student)
        cubes = grid.split(clips.pixels, student.classifier.cubes)
        values = pixels.normalize(cubes, self.mean, self.std)
        scores, features = student(values, keys=clips.keys)
        return scores.float(), None if features is None else features.float()

    def compute_loss(
        self, scores: Tensor, features: Tensor | None, teacher_output: TeacherOutput, clips: Clips
    ) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
        """Give the weighted sum for one student, a mean over the clips that count; and its parts.

        ``kl`` is the divergence at the temperature, before its square and its weight.
        """
        config, parts = self.config, {}
        divergences = kl_divergence(
            scores, teacher_output.scores, config.temperature, self.task_type
        )
        parts["kl"] = _weighted_mean(divergences, clips)
        kl_scale = config.temperature**2 if config.square_temperature else 1.0
        total = config.soft_weight * kl_scale * parts["kl"] if config.soft_weight else 0.0
        if config.hard_weight:
            parts["hard"] = _weighted_mean(self._hard_loss(scores, clips), clips)
            total = total + config.hard_weight * parts["hard"]
        if config.feature_weight:
            distances = compute_feature_distances(
                *_require_features(features, teacher_output), config.feature_distance
            )
            parts["features"] = _weighted_mean(distances, clips)
            total = total + config.feature_weight * parts["features"]
        assert isinstance(total, Tensor)
        return total, {
            "loss": total,
            **parts,
            **self._compute_agreements(scores, teacher_output, clips),
        }

    def _hard_loss(self, scores: Tensor, clips: Clips) -> Float[Tensor, " batch"]:
        targets, smoothing = clips.targets, self.config.label_smoothing if self.training else 0.0
        if targets is None:
            raise ValueError("these clips have no labels, and hard_weight asks for them")
        if self.task_type == "multilabel":
            return binary_cross_entropy(scores, targets * (1 - smoothing) + smoothing / 2)
        return soft_cross_entropy(
            scores, smooth_labels(to_soft_targets(targets, scores.shape[1]), smoothing)
        )

    def _compute_agreements(
        self, scores: Tensor, teacher_output: TeacherOutput, clips: Clips
    ) -> dict[str, Tensor]:
        teacher_labelled = replace(
            clips, targets=hard_labels(teacher_output.scores, self.task_type)
        )
        (agreement,) = compute_batch_metrics(scores, teacher_labelled, self.task_type).values()
        metrics = {"agreement": agreement}
        if clips.targets is not None:
            metrics |= compute_batch_metrics(scores, clips, self.task_type)
        return metrics


def ineffective_settings(config: DistillConfig) -> list[str]:
    """Name the settings that have no effect beside the others."""
    defaults, problems = DistillConfig(), []
    if not (config.soft_weight or config.hard_weight or config.feature_weight):
        problems.append("soft_weight, hard_weight and feature_weight are all 0: nothing is learnt")
    for weight, names in (
        ("soft_weight", ("square_temperature",)),
        ("hard_weight", ("label_smoothing",)),
        ("feature_weight", ("feature_distance",)),
    ):
        for name in names:
            if not getattr(config, weight) and getattr(config, name) != getattr(defaults, name):
                problems.append(f"{name} has no effect with {weight} 0; leave it out")
    return problems


def _require_features(
    features: Tensor | None, teacher_output: TeacherOutput
) -> tuple[Tensor, Tensor]:
    if features is None or teacher_output.features is None:
        raise ValueError("feature_weight asks for features of student and teacher")
    return features, teacher_output.features


def _weighted_mean(values: Tensor, clips: Clips) -> Float[Tensor, ""]:
    return weighted_mean(values, clips.weights)[0]
