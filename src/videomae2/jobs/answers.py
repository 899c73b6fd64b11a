"""What the outputs of a classifier say: names, ranks, and which classes hold.

Axis: outputs = classes or numbers.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from videomae2.models.cards import Answers
from videomae2.tensors.merging import Head

_BEGINS_ONE, _BEGINS_EACH = 0.0, 0.5


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs of a model."""

    answers: Answers
    count: int
    names: tuple[str, ...] | None
    """None if the model does not know them."""

    @property
    def head(self) -> Head | None:
        """How scores become probabilities; None for numbers, which stay as they are."""
        return None if self.answers == "numbers" else self.answers

    def name(self, output: int) -> str:
        """The name of an output, or its number in words."""
        if self.names is not None:
            return self.names[output]
        return f"{'number' if self.answers == 'numbers' else 'class'} {output}"

    def threshold(self, chosen: float | None) -> float:
        """The probability from which a class holds: of exclusive classes the best always does."""
        if chosen is not None:
            return chosen
        return _BEGINS_ONE if self.answers == "one-class" else _BEGINS_EACH


@dataclass(frozen=True, slots=True)
class Scored:
    """An output with what the model says of it."""

    output: int
    """Its number, from 0."""
    name: str
    score: float
    """A probability, or a number as it is."""


def ranked(scores: Float64[np.ndarray, " outputs"], outputs: Outputs, top: int) -> list[Scored]:
    """The most probable classes first, equal ones in their order; numbers all, in their order."""
    order = np.arange(outputs.count)
    if outputs.head is not None:
        order = np.argsort(-scores, kind="stable")[:top]
    return [Scored(int(i), outputs.name(int(i)), float(scores[i])) for i in order]


def holding_now(
    scores: Float64[np.ndarray, " outputs"], outputs: Outputs, threshold: float
) -> list[Scored]:
    """The class that holds, or all that do, the most probable first; none of numbers."""
    if outputs.head is None:
        return []
    top = 1 if outputs.head == "one-class" else outputs.count
    return [each for each in ranked(scores, outputs, top) if each.score >= threshold]
