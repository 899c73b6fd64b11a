"""A classifier as it was saved, on its device, with what is known about it; for prediction."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from videomae2.engine.runtime import Runtime
from videomae2.errors import CheckpointError
from videomae2.jobs.answers import Outputs
from videomae2.jobs.scoring import Scores, ready
from videomae2.models.cards import Card, ClassifierCard, read_card
from videomae2.models.chosen import find_best, load_chosen
from videomae2.tasks.classify import ClassifyTask
from videomae2.tensors.merging import probabilities


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedClassifier:
    """A model with a head."""

    task: ClassifyTask
    card: ClassifierCard
    title: str
    """Its size and where it was found."""

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


def read_classifier(model: Path, runtime: Runtime) -> SavedClassifier:
    """Load a model, with the running means of its weights where there are some.

    Args:
        model: A run folder (its best model by validation, else its newest checkpoint), or the
            folder of a saved model.
        runtime: Where it computes.

    Raises:
        CheckpointError: There is no model, or it is no classifier with a head.
    """
    chosen = find_best(model)
    if isinstance(read_card(chosen.folder), Card):
        raise CheckpointError(
            f"{chosen.folder} is a pre-trained autoencoder, which knows no classes; fine-tune it "
            "on labelled videos first, or look at what it rebuilds: videomae2 reconstruct"
        )
    network, card = load_chosen(chosen, runtime.device)
    if not network.config.outputs:
        raise CheckpointError(
            f"{chosen.folder} is an encoder without a head: it gives features, no classes; "
            "fine-tune it first"
        )
    title = f"{card.model.encoder.size} from {model}"
    return SavedClassifier(task=ready(network, card, runtime), card=card, title=title)
