"""Load a classifier: how its outputs are called, which of them are used, and on which device."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from videomae2.data.manifests.class_names import read_class_names
from videomae2.data.manifests.public_classes import check_class_names, find_datasets_with
from videomae2.errors import CheckpointError, ConfigError
from videomae2.inference.scorer import ViewScores, build_task
from videomae2.metrics.classification import compute_probabilities
from videomae2.models.task_type import LabelSpace
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.ref import ClassifierRef
from videomae2.models.weights.resolve import WeightsChoice, resolve_classifier
from videomae2.tasks.classify import ClassifyTask
from videomae2.training.runtime import Runtime


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierOptions:
    """What is said of a classifier; nothing where it says everything itself."""

    class_names: Path | None = None
    """What its outputs are called: a file of names, or a public data set such as kinetics-710."""
    classes: Path | None = None
    """The outputs that are used alone, likewise: kinetics-400 of a model of kinetics-710."""
    frames: int | None = None
    """Frames of the clips that a released file was trained on; 16 if not given."""
    side: int | None = None
    """Height and width of these clips; 224 if not given."""
    weights: WeightsChoice = "auto"
    """Which of the weights of a run."""

    def find_problems(self) -> list[str]:
        """Say what works with no model."""
        sizes = (("frames", self.frames), ("side", self.side))
        problems = [
            f"--{flag} is {value}, wanted 1 or more"
            for flag, value in sizes
            if value is not None and value < 1
        ]
        for flag, path in (("--class-names", self.class_names), ("--classes", self.classes)):
            problems += [] if path is None else check_class_names(path, flag)
        return problems


def resolve_requested_classifier(path: Path, options: ClassifierOptions) -> ClassifierRef:
    """Find a classifier, name its outputs and select some of them.

    Raises:
        CheckpointError: There is none, or names and outputs do not fit.
        ConfigError, ManifestError: Names are not there, or cannot be read.
    """
    problems = options.find_problems()
    if problems:
        raise ConfigError(problems)
    ref = resolve_classifier(
        path, weights=options.weights, frames=options.frames, side=options.side
    )
    return apply_options(ref, options)


def apply_options(ref: ClassifierRef, options: ClassifierOptions) -> ClassifierRef:
    """Name the outputs of a classifier and select some.

    Raises:
        CheckpointError, ConfigError, ManifestError: As ``resolve_requested_classifier``.
    """
    if options.class_names is not None:
        ref = ref.with_class_names(
            read_class_names(options.class_names), source=str(options.class_names)
        )
    if options.classes is None:
        return ref
    if ref.config.class_names is None:
        num_classes = ref.config.model.num_classes
        raise ConfigError(
            f"--classes goes by names, and the {num_classes} outputs of {ref.path} have none; "
            f"name them with {format_class_names_flag(num_classes)}"
        )
    return ref.select_classes(read_class_names(options.classes), source=str(options.classes))


def format_class_names_source(ref: ClassifierRef) -> str:
    """Where the names of its outputs come from, in words."""
    source = f"names from {ref.class_names_source or 'the model'}"
    return f"{source}; {ref.outputs_summary}" if ref.head_index else source


def format_class_names_flag(num_classes: int) -> str:
    """The flag that names outputs, with the public data sets that have as many classes."""
    data_sets = " or ".join(find_datasets_with(num_classes))
    return "--class-names FILE" + (
        f", or --class-names {data_sets} if these are its classes" if data_sets else ""
    )


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
        return LabelSpace(
            self.config.task_type, self.config.model.num_classes, self.config.class_names
        )

    def compute_predictions(self, scores: ViewScores) -> Float64[np.ndarray, "views outputs"]:
        """What scores of views mean: probabilities, or numbers.

        Raises:
            CheckpointError: A score is not a finite number.
        """
        if not np.isfinite(scores).all():
            raise CheckpointError(
                f"a score of the model {self.display_name} is not a finite number; its weights are "
                "broken"
            )
        classification_type = self.label_space.classification_type
        return (
            scores.astype(np.float64)
            if classification_type is None
            else compute_probabilities(scores, classification_type)
        )


def load_classifier_task(
    model: Path, runtime: Runtime, options: ClassifierOptions | None = None
) -> LoadedClassifier:
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
    return LoadedClassifier(
        task=build_task(network, config, runtime), config=config, display_name=display_name
    )
