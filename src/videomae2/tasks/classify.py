"""Supervised training: scores of whole clips and their loss against labels.

Axes: batch, outputs = classes, labels or numbers to predict.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor, nn

from videomae2.base.ranges import BELOW_ONE, SHARE
from videomae2.models.classifier import Classifier
from videomae2.models.encoder import Normalize
from videomae2.models.task_type import TASK_TYPES, LossOptions, TaskType
from videomae2.models.weights.head import TargetScaler
from videomae2.tensors.clips import Clips
from videomae2.tensors.label_losses import RegressionDistance, weighted_mean
from videomae2.tensors.normalization import Normalization


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifyConfig:
    """What the outputs mean and how they are scored."""

    task_type: TaskType = "multiclass"
    """Exactly one class per clip (softmax, cross-entropy), any number of labels (a sigmoid for
    each, binary cross-entropy), or numbers."""
    label_smoothing: Annotated[float, BELOW_ONE] = 0.0
    """Share of a target that is spread over all classes, in training."""
    balance: Annotated[float, SHARE] = 0.0
    """Weigh rare classes more, in training: 0 counts all clips alike, 1 all classes; for labels,
    1 counts presence and absence alike."""
    distance: RegressionDistance = "squared"
    """How far numbers are off, counted in their deviation over the training videos."""


class ClassifyTask(nn.Module):
    """Turns clips with targets into a loss.

    In evaluation mode the loss is the plain one, without smoothing and weights of classes; these
    are from ``tensors/label_losses.py``, where ``balance`` is not 0. The model's answers are
    counted in ``target_scaler``, where they are numbers; None: in the units of the data.
    """

    def __init__(
        self,
        model: Classifier,
        config: ClassifyConfig,
        *,
        class_weights: Float[Tensor, " outputs"] | None = None,
        target_scaler: TargetScaler | None = None,
        normalization: Normalization | None = None,
    ) -> None:
        super().__init__()
        _check_setup(model, config, class_weights, target_scaler)
        self.model = model
        self.config = config
        self.register_buffer("class_weights", class_weights, persistent=False)
        target_mean, target_std = (
            ((0.0,), (1.0,)) if target_scaler is None else (target_scaler.mean, target_scaler.std)
        )
        self.target_mean = nn.Buffer(torch.tensor(target_mean), persistent=False)
        self.target_std = nn.Buffer(torch.tensor(target_std), persistent=False)
        self.normalize = Normalize(normalization or Normalization(), model.cubes.channels)

    class_weights: Tensor | None
    target_mean: Tensor
    target_std: Tensor

    def forward(self, clips: Clips) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Give the loss, how much counts in it and, for the log, how well the answers agree."""
        scores = self.predict(clips).float()
        return *self.compute_loss(scores, clips), compute_batch_metrics(
            scores, clips, self.config.task_type, scale=self.target_std
        )

    def predict(self, clips: Clips) -> Float[Tensor, "batch outputs"]:
        """Give raw scores, before softmax or sigmoid; numbers in the units of the data."""
        return self.score(clips.pixels, clips.keys)

    def score(
        self,
        pixels: Shaped[Tensor, "batch frames height width channels"],
        keys: Int64[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch outputs"]:
        """The same of pixels 0…255 alone; in training what is left out draws by ``keys``."""
        scores = self.model(self.normalize.split(pixels, self.model.cubes), keys=keys)
        if self.config.task_type == "regression":
            return scores.float() * self.target_std + self.target_mean
        return scores

    def compute_loss(
        self, scores: Float[Tensor, "batch outputs"], clips: Clips
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Mean over the clips that count, 0 if none does; and how much counts."""
        options = LossOptions(
            smoothing=self.config.label_smoothing if self.training else 0.0,
            class_weights=self.class_weights if self.training else None,
            distance=self.config.distance,
            scale=self.target_std,
        )
        losses, balance = TASK_TYPES[self.config.task_type].compute_losses(
            scores, _require_targets(clips), options
        )
        return weighted_mean(losses, clips.weights if balance is None else clips.weights * balance)


class ClipScorer(nn.Module):
    """A classifier as a plain module: pixels of clips → raw scores."""

    def __init__(self, task: ClassifyTask) -> None:
        super().__init__()
        self.task = task

    def forward(
        self, pixels: Shaped[Tensor, "batch frames height width channels"]
    ) -> Float[Tensor, "batch outputs"]:
        """Scores before softmax or sigmoid, numbers in the units of the data."""
        return self.task.score(pixels)


@torch.no_grad()
def compute_batch_metrics(
    scores: Float[Tensor, "batch outputs"],
    clips: Clips,
    task_type: TaskType,
    *,
    scale: Float[Tensor, " _"] | float = 1.0,
) -> dict[str, Tensor]:
    """How well answers agree with targets, over the clips that count."""
    metrics = TASK_TYPES[task_type].batch_metrics(scores, _require_targets(clips), scale)
    return {name: weighted_mean(values, clips.weights)[0] for name, values in metrics.items()}


def _require_targets(clips: Clips) -> Tensor:
    if clips.targets is None:
        raise ValueError("these clips have no targets, and supervised training needs them")
    return clips.targets


def _check_setup(
    model: Classifier,
    config: ClassifyConfig,
    class_weights: Tensor | None,
    target_scaler: TargetScaler | None,
) -> None:
    num_classes = model.config.num_classes
    if not num_classes:
        raise ValueError("a classifier without outputs cannot be trained; give it a head")
    if target_scaler is not None and config.task_type != "regression":
        raise ValueError(f"a scale of numbers has no effect on task_type '{config.task_type}'")
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
