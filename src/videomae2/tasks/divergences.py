"""How far a student is from its teacher, clip by clip.

Axes: batch, outputs = classes or labels, taught = width of the teacher's features.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from videomae2.models.cards import Answers

FeatureDistance = Literal["cosine", "squared"]


def divergence(
    scores: Float[Tensor, "batch outputs"],
    taught: Float[Tensor, "batch outputs"],
    temperature: float,
    answers: Answers = "one-class",
) -> Float[Tensor, " batch"]:
    """Kullback-Leibler divergence of a student's distribution from the teacher's, of each clip.

    Of labels of which any number holds: of each label's two-sided distribution, on average.

    Source: arXiv 1503.02531 section 2, without the square of the temperature.
    """
    own, other = scores / temperature, taught / temperature
    if answers == "many-classes":
        sides = [
            F.kl_div(F.logsigmoid(sign * own), F.logsigmoid(sign * other),
                     reduction="none", log_target=True)
            for sign in (1, -1)
        ]  # fmt: skip
        return torch.stack(sides).sum(dim=0).mean(dim=1)
    own, other = F.log_softmax(own, dim=1), F.log_softmax(other, dim=1)
    return F.kl_div(own, other, reduction="none", log_target=True).sum(dim=1)


def feature_distances(
    own: Float[Tensor, "batch taught"],
    taught: Float[Tensor, "batch taught"],
    kind: FeatureDistance,
) -> Float[Tensor, " batch"]:
    """How far features are from the teacher's, of each clip."""
    if kind == "cosine":
        return 1 - F.cosine_similarity(own, taught, dim=1)
    return (own - taught).square().mean(dim=1)


def decisions(taught: Float[Tensor, "batch outputs"], answers: Answers) -> Tensor:
    """What a teacher takes clips for: the number of one class, or 0 and 1 for each label."""
    return (taught > 0).float() if answers == "many-classes" else taught.argmax(dim=1)
