"""A classifier on its device, with what is known about it; for prediction."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from videomae2.engine.runtime import Runtime
from videomae2.errors import CheckpointError
from videomae2.jobs.answers import Outputs
from videomae2.jobs.asked_classifier import AskedOf, asked_classifier
from videomae2.jobs.scoring import Scores, ready
from videomae2.models.cards import ClassifierCard
from videomae2.tasks.classify import ClassifyTask
from videomae2.tensors.merging import probabilities


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedClassifier:
    """A model with a head."""

    task: ClassifyTask
    card: ClassifierCard
    title: str
    """Its size, where it was found, and which of its outputs are used."""

    @property
    def outputs(self) -> Outputs:
        """What it says."""
        return Outputs(self.card.answers, self.card.model.outputs, self.card.classes)

    def answers(self, scores: Scores) -> Float64[np.ndarray, "views outputs"]:
        """What scores of views mean: probabilities, or numbers.

        Raises:
            CheckpointError: A score is not a finite number.
        """
        if not np.isfinite(scores).all():
            raise CheckpointError(
                f"a score of the model {self.title} is not a finite number; its weights are broken"
            )
        head = self.outputs.head
        return scores.astype(np.float64) if head is None else probabilities(scores, head)


def read_classifier(model: Path, runtime: Runtime, asked: AskedOf | None = None) -> SavedClassifier:
    """Load a model, with the running means of its weights where there are some.

    Args:
        model: A run folder (its best model by validation, else its newest checkpoint), the folder
            of a saved model, or a released file.
        runtime: Where it computes.
        asked: What its outputs are called, and which are used.

    Raises:
        CheckpointError: There is no model, or it is no classifier with a head, or names and
            outputs do not fit.
        ConfigError, ManifestError: Names are not there, or cannot be read.
    """
    found = asked_classifier(model, asked or AskedOf())
    network, card = found.load(runtime.device), found.card
    title = f"{card.model.encoder.size} from {model}"
    title += f", outputs: {found.outputs}" if found.rows else ""
    return SavedClassifier(task=ready(network, card, runtime), card=card, title=title)
