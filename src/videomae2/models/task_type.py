"""What the outputs of a classifier say: their task type, their names, and which classes hold.

Axis: outputs = classes or numbers.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64

from videomae2.metrics.classification import ClassificationType

TaskType = Literal["multiclass", "multilabel", "regression"]
"""What outputs mean: scores of which exactly one is right, of which any number is, or values."""


_MULTICLASS_THRESHOLD, _MULTILABEL_THRESHOLD = 0.0, 0.5


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
            return self.class_names[index]
        return f"{'number' if self.task_type == 'regression' else 'class'} {index}"

    def get_threshold(self, override: float | None) -> float:
        """The probability from which a class holds: of exclusive classes the best always does."""
        if override is not None:
            return override
        return _MULTICLASS_THRESHOLD if self.task_type == "multiclass" else _MULTILABEL_THRESHOLD


@dataclass(frozen=True, slots=True)
class ClassScore:
    """An output with what the model says of it."""

    index: int
    """Its number, from 0."""
    name: str
    score: float
    """A probability, or a number as it is."""


def rank_topk(
    scores: Float64[np.ndarray, " outputs"], label_space: LabelSpace, k: int
) -> list[ClassScore]:
    """The most probable classes first, equal ones in their order; numbers all, in their order."""
    order = np.arange(label_space.count)
    if label_space.classification_type is not None:
        order = np.argsort(-scores, kind="stable")[:k]
    return [ClassScore(int(i), label_space.get_name(int(i)), float(scores[i])) for i in order]


def find_active_classes(
    scores: Float64[np.ndarray, " outputs"], label_space: LabelSpace, threshold: float
) -> list[ClassScore]:
    """The class that holds, or all that do, the most probable first; none of numbers."""
    if label_space.classification_type is None:
        return []
    k = 1 if label_space.classification_type == "multiclass" else label_space.count
    return [each for each in rank_topk(scores, label_space, k) if each.score >= threshold]
