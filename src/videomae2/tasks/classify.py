"""Supervised training: scores of whole clips and their loss against labels.

Axes: batch, outputs = classes, labels or numbers to predict.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from videomae2.models.classifier import Classifier
from videomae2.models.task_type import TaskType
from videomae2.models.weights.target_scaler import TargetScaler
from videomae2.tensors import grid, pixels
from videomae2.tensors.clips import Clips
from videomae2.tensors.targets import smooth_labels, to_soft_targets


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifyConfig:
    """What the outputs mean and how they are scored."""

    task_type: TaskType = "multiclass"
    """Exactly one class per clip (softmax, cross-entropy), any number of labels (a sigmoid for
    each, binary cross-entropy), or numbers."""
    label_smoothing: float = 0.0
    """Share of a target that is spread over all classes, in training."""
    balance: float = 0.0
    """Weigh rare classes more, in training: 0 counts all clips alike, 1 all classes; for labels,
    1 counts presence and absence alike."""
    distance: Literal["squared", "absolute"] = "squared"
    """How far numbers are off, counted in their deviation over the training videos."""


class ClassifyTask(nn.Module):
    """Turns clips with targets into a loss.

    In evaluation mode the loss is the plain one, without smoothing and weights of classes.

    Args of the constructor:
        model: Gives one score per output.
        config: What the scores mean.
        class_weights: One per output, from ``tensors/targets.py``, where ``balance`` is not 0.
        target_scaler: What the model's answers are counted in, where they are numbers; None: the
            units of the data.
        mean: Of each channel of the clips.
        std: Of each channel of the clips.
    """

    def __init__(
        self,
        model: Classifier,
        config: ClassifyConfig,
        *,
        class_weights: Float[Tensor, " outputs"] | None = None,
        target_scaler: TargetScaler | None = None,
        mean: tuple[float, ...] = pixels.IMAGENET_MEAN,
        std: tuple[float, ...] = pixels.IMAGENET_STD,
    ) -> None:
        super().__init__()
        _check_setup(model, config, class_weights, channels=(len(mean), len(std)))
        if target_scaler is not None and config.task_type != "regression":
            raise ValueError(f"a scale of numbers has no effect on task_type '{config.task_type}'")
        self.model = model
        self.config = config
        self.register_buffer("class_weights", class_weights, persistent=False)
        target_mean, target_std = (
            ((0.0,), (1.0,)) if target_scaler is None else (target_scaler.mean, target_scaler.std)
        )
        self.target_mean = nn.Buffer(torch.tensor(target_mean), persistent=False)
        self.target_std = nn.Buffer(torch.tensor(target_std), persistent=False)
        self.mean = nn.Buffer(torch.tensor(mean), persistent=False)
        self.std = nn.Buffer(torch.tensor(std), persistent=False)

    class_weights: Tensor | None
    target_mean: Tensor
    target_std: Tensor
    mean: Tensor
    std: Tensor

    def forward(self, clips: Clips) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Give the loss, how much counts in it and, for the log, how well the answers agree."""
        scores = self.predict(clips).float()
        return *self.compute_loss(scores, clips), compute_batch_metrics(
            scores, clips, self.config.task_type, scale=self.target_std
        )

    def predict(self, clips: Clips) -> Float[Tensor, "batch outputs"]:
        """Give raw scores, before softmax or sigmoid; numbers in the units of the data."""
        cubes = grid.split(clips.pixels, self.model.cubes)
        scores = self.model(pixels.normalize(cubes, self.mean, self.std), keys=clips.keys)
        if self.config.task_type == "regression":
            return scores.float() * self.target_std + self.target_mean
        return scores

    def compute_loss(
        self, scores: Float[Tensor, "batch outputs"], clips: Clips
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Mean over the clips that count, 0 if none does; and how much counts."""
        config, weights = self.config, self.class_weights if self.training else None
        targets = _require_targets(clips)
        if config.task_type == "regression":
            errors = regression_errors(scores, targets, config.distance, scale=self.target_std)
            return weighted_mean(errors, clips.weights)
        smoothing = config.label_smoothing if self.training else 0.0
        if config.task_type == "multilabel":
            smoothed = targets * (1 - smoothing) + smoothing / 2
            return weighted_mean(binary_cross_entropy(scores, smoothed, weights), clips.weights)
        soft_targets = to_soft_targets(targets, scores.shape[1])
        clip_weights = (
            clips.weights if weights is None else clips.weights * (soft_targets @ weights)
        )
        return weighted_mean(
            soft_cross_entropy(scores, smooth_labels(soft_targets, smoothing)), clip_weights
        )


def soft_cross_entropy(
    scores: Float[Tensor, "batch outputs"], targets: Float[Tensor, "batch outputs"]
) -> Float[Tensor, " batch"]:
    """Cross-entropy of each clip with shares of classes.

    Source: SoftTargetCrossEntropy of timm, which the released code trains with.
    """
    return -(targets * F.log_softmax(scores, dim=1)).sum(dim=1)


def regression_errors(
    scores: Float[Tensor, "batch outputs"],
    targets: Float[Tensor, "batch outputs"],
    kind: Literal["squared", "absolute"],
    *,
    scale: Float[Tensor, " _"] | float = 1.0,
) -> Float[Tensor, " batch"]:
    """How far the numbers of each clip are off, counted in a unit each, on average over them."""
    errors = (scores - targets) / scale
    return (errors.square() if kind == "squared" else errors.abs()).mean(dim=1)


@torch.no_grad()
def compute_batch_metrics(
    scores: Float[Tensor, "batch outputs"],
    clips: Clips,
    task_type: TaskType,
    *,
    scale: Float[Tensor, " _"] | float = 1.0,
) -> dict[str, Tensor]:
    """How well answers agree with targets, over the clips that count.

    One class: the share of clips whose highest score is the target's (the larger one's where
    clips are mixed). Labels: the share that is told right. Numbers: how far off they are, counted
    in a unit each.
    """
    targets = _require_targets(clips)
    if task_type == "regression":
        return {
            "mae": _mean_of_counted(
                regression_errors(scores, targets, "absolute", scale=scale), clips.weights
            )
        }
    if task_type == "multilabel":
        is_correct = ((scores > 0) == (targets > 0.5)).float().mean(dim=1)
        return {"label_accuracy": _mean_of_counted(is_correct, clips.weights)}
    expected = targets if targets.ndim == 1 else targets.argmax(dim=1)
    is_correct = (scores.argmax(dim=1) == expected).float()
    return {"accuracy": _mean_of_counted(is_correct, clips.weights)}


def binary_cross_entropy(
    scores: Float[Tensor, "batch outputs"],
    targets: Float[Tensor, "batch outputs"],
    weights: Float[Tensor, " outputs"] | None = None,
) -> Float[Tensor, " batch"]:
    """Cross-entropy of each clip with labels of which any number holds, on average over them."""
    return F.binary_cross_entropy_with_logits(
        scores, targets, pos_weight=weights, reduction="none"
    ).mean(dim=1)


def weighted_mean(
    values: Float[Tensor, " batch"], weights: Float[Tensor, " batch"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The weighted mean, 0 where nothing counts, and the sum of the weights."""
    count = weights.sum()
    return (values * weights).sum() / torch.where(count > 0, count, 1), count


def _mean_of_counted(values: Tensor, weights: Tensor) -> Float[Tensor, ""]:
    return weighted_mean(values, weights)[0]


def _require_targets(clips: Clips) -> Tensor:
    if clips.targets is None:
        raise ValueError("these clips have no targets, and supervised training needs them")
    return clips.targets


def _check_setup(
    model: Classifier,
    config: ClassifyConfig,
    class_weights: Tensor | None,
    *,
    channels: tuple[int, int],
) -> None:
    num_classes = model.config.num_classes
    if not num_classes:
        raise ValueError("a classifier without outputs cannot be trained; give it a head")
    if channels != (model.cubes.channels,) * 2:
        raise ValueError(
            f"clips have {model.cubes.channels} channels, but mean has {channels[0]} and std "
            f"{channels[1]} values; give one of each for every channel"
        )
    for problem in ineffective_settings(config):
        raise ValueError(problem)
    if (class_weights is not None) != (config.balance != 0):
        raise ValueError("weights of classes go with a balance other than 0, and only with one")
    if class_weights is not None and len(class_weights) != num_classes:
        raise ValueError(f"there are {len(class_weights)} weights for {num_classes} classes")


def ineffective_settings(config: ClassifyConfig) -> list[str]:
    """Name the settings that have no effect beside the others."""
    problems = []
    if config.task_type == "regression":
        for name in ("label_smoothing", "balance"):
            if getattr(config, name):
                problems.append(f"{name} has no effect where numbers are predicted; 0 takes it out")
    elif config.distance != "squared":
        problems.append(f"distance '{config.distance}' has no effect on classes; leave it out")
    return problems
