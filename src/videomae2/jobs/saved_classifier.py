"""A classifier on its device, with what is known about it; for prediction."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from videomae2.engine.runtime import Runtime
from videomae2.errors import CheckpointError
from videomae2.jobs.answers import LabelSpace
from videomae2.jobs.asked_classifier import ClassifierOptions, resolve_requested_classifier
from videomae2.jobs.scoring import ViewScores, build_task
from videomae2.models.cards import SavedClassifierConfig
from videomae2.tasks.classify import ClassifyTask
from videomae2.tensors.merging import compute_probabilities


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedClassifier:
    """A model with a head."""

    task: ClassifyTask
    config: SavedClassifierConfig
    display_name: str
    """Its size, where it was found, and which of its outputs are used."""

    @property
    def label_space(self) -> LabelSpace:
        """What it says."""
        return LabelSpace(self.config.task_type, self.config.model.num_classes, self.config.class_names)

    def compute_predictions(self, scores: ViewScores) -> Float64[np.ndarray, "views outputs"]:
        """What scores of views mean: probabilities, or numbers.

        Raises:
            CheckpointError: A score is not a finite number.
        """
        if not np.isfinite(scores).all():
            raise CheckpointError(
                f"a score of the model {self.display_name} is not a finite number; its weights are broken"
            )
        classification_type = self.label_space.classification_type
        return scores.astype(np.float64) if classification_type is None else compute_probabilities(scores, classification_type)


def load_classifier_task(model: Path, runtime: Runtime, options: ClassifierOptions | None = None) -> LoadedClassifier:
    """Load a model, with the running means of its weights where there are some.

    Args:
        model: A run folder (its best model by validation, else its newest checkpoint), the folder
            of a saved model, or a released file.
        runtime: Where it computes.
        options: What its outputs are called, and which are used.

    Raises:
        CheckpointError: There is no model, or it is no classifier with a head, or names and
            outputs do not fit.
        ConfigError, ManifestError: Names are not there, or cannot be read.
    """
    ref = resolve_requested_classifier(model, options or ClassifierOptions())
    network, config = ref.load(runtime.device), ref.config
    display_name = f"{config.model.encoder.size} from {model}"
    display_name += f", outputs: {ref.outputs_summary}" if ref.head_index else ""
    return LoadedClassifier(task=build_task(network, config, runtime), config=config, display_name=display_name)
