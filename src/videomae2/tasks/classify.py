"""Supervised training: scores of whole clips and their loss against labels.

Axes: batch, outputs = classes, labels or numbers to predict.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from videomae2.models.cards import Answers
from videomae2.models.classifier import Classifier
from videomae2.models.number_scale import NumberScale
from videomae2.tensors import grid, pixels
from videomae2.tensors.clips import Clips
from videomae2.tensors.targets import shares, smooth


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifyConfig:
    """What the outputs mean and how they are scored."""

    answers: Answers = "one-class"
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
        numbers: What the model's answers are counted in, where they are numbers; None: the units
            of the data.
        mean: Of each channel of the clips.
        std: Of each channel of the clips.
    """

    def __init__(
        self,
        model: Classifier,
        config: ClassifyConfig,
        *,
        class_weights: Float[Tensor, " outputs"] | None = None,
        numbers: NumberScale | None = None,
        mean: tuple[float, ...] = pixels.IMAGENET_MEAN,
        std: tuple[float, ...] = pixels.IMAGENET_STD,
    ) -> None:
        super().__init__()
        _check(model, config, class_weights, channels=(len(mean), len(std)))
        if numbers is not None and config.answers != "numbers":
            raise ValueError(f"a scale of numbers has no effect on answers '{config.answers}'")
        self.model = model
        self.config = config
        self.register_buffer("class_weights", class_weights, persistent=False)
        zero, unit = ((0.0,), (1.0,)) if numbers is None else (numbers.mean, numbers.std)
        self.zero = nn.Buffer(torch.tensor(zero), persistent=False)
        self.unit = nn.Buffer(torch.tensor(unit), persistent=False)
        self.mean = nn.Buffer(torch.tensor(mean), persistent=False)
        self.std = nn.Buffer(torch.tensor(std), persistent=False)

    class_weights: Tensor | None
    zero: Tensor
    unit: Tensor
    mean: Tensor
    std: Tensor

    def forward(self, clips: Clips) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Give the loss, how much counts in it and, for the log, how well the answers agree."""
        scores = self.predict(clips).float()
        return *self.loss(scores, clips), agreement(
            scores, clips, self.config.answers, unit=self.unit
        )

    def predict(self, clips: Clips) -> Float[Tensor, "batch outputs"]:
        """Give raw scores, before softmax or sigmoid; numbers in the units of the data."""
        cubes = grid.split(clips.pixels, self.model.cubes)
        scores = self.model(pixels.normalise(cubes, self.mean, self.std), keys=clips.keys)
        if self.config.answers == "numbers":
            return scores.float() * self.unit + self.zero
        return scores

    def loss(
        self, scores: Float[Tensor, "batch outputs"], clips: Clips
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Mean over the clips that count, 0 if none does; and how much counts."""
        config, weights = self.config, self.class_weights if self.training else None
        targets = _given(clips)
        if config.answers == "numbers":
            off = distances(scores, targets, config.distance, unit=self.unit)
            return counted(off, clips.weights)
        smoothing = config.label_smoothing if self.training else 0.0
        if config.answers == "many-classes":
            asked = targets * (1 - smoothing) + smoothing / 2
            return counted(binary_cross_entropy(scores, asked, weights), clips.weights)
        plain = shares(targets, scores.shape[1])
        each = clips.weights if weights is None else clips.weights * (plain @ weights)
        return counted(soft_cross_entropy(scores, smooth(plain, smoothing)), each)


def soft_cross_entropy(
    scores: Float[Tensor, "batch outputs"], targets: Float[Tensor, "batch outputs"]
) -> Float[Tensor, " batch"]:
    """Cross-entropy of each clip with shares of classes.

    Source: SoftTargetCrossEntropy of timm, which the released code trains with.
    """
    return -(targets * F.log_softmax(scores, dim=1)).sum(dim=1)


def distances(
    scores: Float[Tensor, "batch outputs"],
    targets: Float[Tensor, "batch outputs"],
    kind: Literal["squared", "absolute"],
    *,
    unit: Float[Tensor, " _"] | float = 1.0,
) -> Float[Tensor, " batch"]:
    """How far the numbers of each clip are off, counted in a unit each, on average over them."""
    off = (scores - targets) / unit
    return (off.square() if kind == "squared" else off.abs()).mean(dim=1)


@torch.no_grad()
def agreement(
    scores: Float[Tensor, "batch outputs"],
    clips: Clips,
    answers: Answers,
    *,
    unit: Float[Tensor, " _"] | float = 1.0,
) -> dict[str, Tensor]:
    """How well answers agree with targets, over the clips that count.

    One class: the share of clips whose highest score is the target's (the larger one's where
    clips are mixed). Labels: the share that is told right. Numbers: how far off they are, counted
    in a unit each.
    """
    targets = _given(clips)
    if answers == "numbers":
        return {"off": _mean(distances(scores, targets, "absolute", unit=unit), clips.weights)}
    if answers == "many-classes":
        right = ((scores > 0) == (targets > 0.5)).float().mean(dim=1)
    else:
        wanted = targets if targets.ndim == 1 else targets.argmax(dim=1)
        right = (scores.argmax(dim=1) == wanted).float()
    return {"accuracy": _mean(right, clips.weights)}


def binary_cross_entropy(
    scores: Float[Tensor, "batch outputs"],
    targets: Float[Tensor, "batch outputs"],
    weights: Float[Tensor, " outputs"] | None = None,
) -> Float[Tensor, " batch"]:
    """Cross-entropy of each clip with labels of which any number holds, on average over them."""
    return F.binary_cross_entropy_with_logits(
        scores, targets, pos_weight=weights, reduction="none"
    ).mean(dim=1)


def counted(
    values: Float[Tensor, " batch"], weights: Float[Tensor, " batch"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The weighted mean, 0 where nothing counts, and the sum of the weights."""
    count = weights.sum()
    return (values * weights).sum() / torch.where(count > 0, count, 1), count


def _mean(values: Tensor, weights: Tensor) -> Float[Tensor, ""]:
    return counted(values, weights)[0]


def _given(clips: Clips) -> Tensor:
    if clips.targets is None:
        raise ValueError("these clips have no targets, and supervised training needs them")
    return clips.targets


def _check(
    model: Classifier,
    config: ClassifyConfig,
    class_weights: Tensor | None,
    *,
    channels: tuple[int, int],
) -> None:
    outputs = model.config.outputs
    if not outputs:
        raise ValueError("a classifier without outputs cannot be trained; give it a head")
    if channels != (model.cubes.channels,) * 2:
        raise ValueError(
            f"clips have {model.cubes.channels} channels, but mean has {channels[0]} and std "
            f"{channels[1]} values; give one of each for every channel"
        )
    for problem in useless(config):
        raise ValueError(problem)
    if (class_weights is not None) != (config.balance != 0):
        raise ValueError("weights of classes go with a balance other than 0, and only with one")
    if class_weights is not None and len(class_weights) != outputs:
        raise ValueError(f"there are {len(class_weights)} weights for {outputs} classes")


def useless(config: ClassifyConfig) -> list[str]:
    """Name the settings that have no effect beside the others."""
    problems = []
    if config.answers == "numbers":
        for name in ("label_smoothing", "balance"):
            if getattr(config, name):
                problems.append(f"{name} has no effect where numbers are predicted; 0 takes it out")
    elif config.distance != "squared":
        problems.append(f"distance '{config.distance}' has no effect on classes; leave it out")
    return problems
