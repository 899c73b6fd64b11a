"""A classifier from its path to what it says: resolve it, name its outputs, load, interpret.

Evaluation, prediction and time lines stand on it. Resolving reads no weights of a run: what they
judge, and where it goes, is known before. Axes: views; outputs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from jaxtyping import Float32, Float64

from videomae2.base.ranges import ONE_OR_MORE, find_range_errors
from videomae2.data.manifests.class_names import read_class_names
from videomae2.data.manifests.public_classes import check_class_names, find_datasets_with
from videomae2.errors import CheckpointError, ConfigError
from videomae2.metrics.classification import compute_probabilities
from videomae2.models.task_type import LabelSpace, TaskType
from videomae2.models.weights.model_ref import ClassifierRef
from videomae2.models.weights.resolve import WeightsChoice, resolve_classifier
from videomae2.tasks.classify import ClassifyConfig, ClassifyTask
from videomae2.training.runtime import Runtime

ViewScores = Float32[np.ndarray, "views outputs"]
"""Before softmax or sigmoid."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierOptions:
    """What is said of a classifier; nothing where it says everything itself."""

    class_names: Path | None = None
    """What the model's outputs are called where it does not say, as released files: a file of names
    (one a line, JSON, or a table of id,name), or a public data set such as kinetics-710."""
    classes: Path | None = None
    """The outputs that are used alone, likewise: kinetics-400 of a model of kinetics-710. The
    others get no probability."""
    frames: Annotated[int | None, ONE_OR_MORE] = None
    """Frames of the clips that a released file was trained on; 16 if not given."""
    side: Annotated[int | None, ONE_OR_MORE] = None
    """Height and width of these clips in pixels; 224 if not given."""
    weights: WeightsChoice = "auto"
    """The running mean of the weights (ema) where the model has it, or the weights as saved
    (raw)."""

    def find_problems(self) -> list[str]:
        """Say what works with no model."""
        problems = [problem for _, problem in find_range_errors(self)]
        for flag, path in (("--class-names", self.class_names), ("--classes", self.classes)):
            problems += [] if path is None else check_class_names(path, flag)
        return problems


@dataclass(frozen=True, slots=True)
class LoadedClassifier:
    """A model with a head, on its device."""

    ref: ClassifierRef
    task: ClassifyTask
    runtime: Runtime

    @property
    def display_name(self) -> str:
        """Its size, where it was found, and which of its outputs are used."""
        selected = f", outputs: {self.ref.outputs_summary}" if self.ref.head_index else ""
        return f"{self.ref.config.model.encoder.size} from {self.ref.path}{selected}"

    @property
    def label_space(self) -> LabelSpace:
        config = self.ref.config
        return LabelSpace(config.task_type, config.model.num_classes, config.class_names)


def resolve_requested_classifier(path: Path, options: ClassifierOptions) -> ClassifierRef:
    """Find a classifier, name its outputs and select some of them.

    Raises:
        CheckpointError: There is none, or names and outputs do not fit.
        ConfigError, ManifestError: Names are not there, or cannot be read.
    """
    if problems := options.find_problems():
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


def load_classifier_task(ref: ClassifierRef, runtime: Runtime) -> LoadedClassifier:
    """Read the weights of a classifier that was resolved, and bring it to its device.

    Raises:
        CheckpointError: They do not fit.
    """
    network, config = ref.load(runtime.device), ref.config
    task = ClassifyTask(
        network,
        ClassifyConfig(task_type=config.task_type),
        target_scaler=config.target_scaler,
        normalization=config,
    )
    return LoadedClassifier(ref, task.to(runtime.device).eval(), runtime)


def interpret_scores(
    scores: ViewScores, task_type: TaskType
) -> Float64[np.ndarray, "views outputs"]:
    """What scores of views mean: probabilities, or numbers."""
    if task_type == "regression":
        return scores.astype(np.float64)
    return compute_probabilities(scores, task_type)


def check_finite(scores: ViewScores, subject: str) -> ViewScores:
    """Refuse what broken weights, or a number format that is too narrow, make.

    Raises:
        CheckpointError: A score is not a finite number.
    """
    if not np.isfinite(scores).all():
        raise CheckpointError(
            f"the model gives scores of {subject} that are not finite; --precision fp32 may help, "
            f"or another checkpoint"
        )
    return scores


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
