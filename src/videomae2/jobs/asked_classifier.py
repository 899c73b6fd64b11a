"""The classifier that someone asks: how its outputs are called, and which of them are used.

For evaluation and prediction alike.
"""

from dataclasses import dataclass
from pathlib import Path

from videomae2.config.finetune_checks import names_there
from videomae2.data.class_names import read_class_names
from videomae2.data.known_classes import sets_of
from videomae2.errors import ConfigError
from videomae2.models.chosen import Weights
from videomae2.models.finding import find_classifier
from videomae2.models.found import FoundClassifier


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedOf:
    """What is said of a classifier; nothing where it says everything itself."""

    names: Path | None = None
    """What its outputs are called: a file of names, or a public data set such as kinetics-710."""
    select: Path | None = None
    """The outputs that are used alone, likewise: kinetics-400 of a model of kinetics-710."""
    frames: int | None = None
    """Frames of the clips that a released file was trained on; 16 if not given."""
    side: int | None = None
    """Height and width of these clips; 224 if not given."""
    weights: Weights = "auto"
    """Which of the weights of a run."""

    def problems(self) -> list[str]:
        """Say what works with no model."""
        sizes = (("frames", self.frames), ("side", self.side))
        wrong = [
            f"--{flag} is {value}, wanted 1 or more"
            for flag, value in sizes
            if value is not None and value < 1
        ]
        for flag, names in (("--names", self.names), ("--select", self.select)):
            wrong += [] if names is None else names_there(names, flag)
        return wrong


def asked_classifier(path: Path, asked: AskedOf) -> FoundClassifier:
    """Find a classifier, name its outputs and select some of them.

    Raises:
        CheckpointError: There is none, or names and outputs do not fit.
        ConfigError, ManifestError: Names are not there, or cannot be read.
    """
    problems = asked.problems()
    if problems:
        raise ConfigError(problems)
    found = find_classifier(path, weights=asked.weights, frames=asked.frames, side=asked.side)
    return as_asked(found, asked)


def as_asked(found: FoundClassifier, asked: AskedOf) -> FoundClassifier:
    """Name the outputs of a classifier and select some; errors as ``asked_classifier``."""
    if asked.names is not None:
        found = found.named(read_class_names(asked.names), origin=str(asked.names))
    if asked.select is None:
        return found
    if found.card.classes is None:
        outputs = found.card.model.outputs
        raise ConfigError(
            f"--select goes by names, and the {outputs} outputs of {found.path} have none; "
            f"name them with {naming(outputs)}"
        )
    return found.selected(read_class_names(asked.select), origin=str(asked.select))


def names_origin(found: FoundClassifier) -> str:
    """Where the names of its outputs come from, in words."""
    origin = f"names from {found.names_from or 'the model'}"
    return f"{origin}; {found.outputs}" if found.rows else origin


def naming(outputs: int) -> str:
    """The flag that names outputs, with the public data sets that have as many classes."""
    sets = " or ".join(sets_of(outputs))
    return "--names FILE" + (f", or --names {sets} if these are its classes" if sets else "")
