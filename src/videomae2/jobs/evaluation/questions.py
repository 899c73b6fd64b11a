"""The videos that a model is asked about, and what the right answers are.

Axes: labelled, answered = the videos, where answers are of that kind, else none; outputs = classes,
labels or numbers.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from videomae2.data.class_names import infer_classes
from videomae2.data.clocks import without_clock
from videomae2.data.identity import identity
from videomae2.data.known_classes import called_as_in, sets_of
from videomae2.data.labels import LabelConfig, read_many_classes, read_numbers
from videomae2.data.listing import read_manifest
from videomae2.data.manifest import Manifest
from videomae2.data.sources import SourceConfig
from videomae2.errors import ConfigError, ManifestError
from videomae2.jobs.asked_classifier import naming
from videomae2.jobs.evaluation.settings import ListConfig
from videomae2.jobs.view_settings import ViewSettings
from videomae2.models.cards import Answers, ClassifierCard, check_classes

_NUMBERED = "classes called by their numbers: there are no names"


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """A list of videos with the right answers, in the order of the model's outputs."""

    manifest: Manifest
    answers: Answers
    classes: tuple[str, ...]
    """The name of each output."""
    names_from: str
    """Where the names come from, in words."""
    labels: Int64[np.ndarray, " labelled"]
    """The right class where exactly one is right; empty otherwise."""
    targets: Float64[np.ndarray, "answered outputs"]
    """Which of any number of classes hold, or the right numbers; empty otherwise."""

    @property
    def identities(self) -> list[str]:
        """What tells each video from all others."""
        return [identity(entry) for entry in self.manifest]

    def digest(self) -> str:
        """Name in 16 characters what is listed, and every answer."""
        content = hashlib.sha256(self.manifest.digest().encode())
        content.update("\0".join(self.classes).encode("utf-8", "surrogatepass"))
        content.update(self.labels.tobytes() + self.targets.tobytes())
        return content.hexdigest()[:16]


def read_questions(
    videos: Path, card: ClassifierCard, how: ListConfig, *, names_from: str, where: str
) -> Questions:
    """List the videos and their right answers.

    Args:
        videos: A folder per class, or a list.
        card: Of the model, with the names that were given for its outputs.
        how: How the list is read.
        names_from: Where the names come from, in words.
        where: What the model is called in messages.

    Raises:
        ManifestError: The list cannot be read or has not the answers.
        CheckpointError: Its classes are not those of the model; both lists are shown.
        ConfigError: The model does not name its outputs, and nobody knows their order.
    """
    names = card.classes
    if card.answers == "one-class":
        if how.column is not None:
            raise ConfigError("--list.column has no effect where one class is right, leave it out")
        manifest, names, names_from = _with_one_class(videos, card, names, names_from, how, where)
        labels, targets = manifest.labels.astype(np.int64), np.zeros((0, 0))
    else:
        names = _required(card, where)
        manifest, targets = _from_columns(videos, card, names, how)
        labels = np.zeros(0, dtype=np.int64)
    _check_twins(manifest)
    return Questions(manifest, card.answers, names, names_from, labels, targets)


def check_clock(questions: Questions, views: ViewSettings, how: ListConfig) -> None:
    """Refuse a stride in seconds of what has no clock, before anything is read.

    Raises:
        ConfigError: Naming such a video and what would work.
    """
    if views.grid.kind == "segments" or views.stride_unit == "frames" or how.frame_rate:
        return
    without = without_clock(questions.manifest)
    if without is not None:
        raise ConfigError(
            f"the stride counts in seconds, and {without} is a folder of images or an array, which "
            f"has no clock; give --list.frame-rate, or --views.stride 4 --views.stride-unit frames"
        )


def _with_one_class(
    videos: Path,
    card: ClassifierCard,
    names: tuple[str, ...] | None,
    names_from: str,
    how: ListConfig,
    where: str,
) -> tuple[Manifest, tuple[str, ...], str]:
    outputs = card.model.outputs
    manifest = _read(videos, how, names=None)
    own = manifest.class_names
    if names is not None:
        if own is not None:
            _check_known(own, names, where)
        fewer = _fewer(manifest, outputs) if own is None else ""
        return _read(videos, how, names=names), names, names_from + fewer
    if own is not None and sets_of(outputs):
        raise ConfigError(
            f"{videos} has classes by name ({manifest.origin}), and {where} does not name its "
            f"{outputs} outputs, whose order is hardly theirs; name them with {naming(outputs)}"
        )
    found = infer_classes(manifest)
    if own is None and len(found.names) <= outputs:
        numbered = tuple(str(i) for i in range(outputs))
        origin = f"{_NUMBERED}; to name them: {naming(outputs)}"
        return manifest, numbered, origin + _fewer(manifest, outputs)
    if len(found.names) != outputs:
        raise ConfigError(
            f"{videos} has {len(found.names)} classes ({found.origin}), the model has {outputs} "
            f"outputs and no names; give them all with {naming(outputs)}"
        )
    said = f"{found.origin}, taken to be in the order of the outputs: the model has no names"
    return manifest, found.names, said


def _fewer(manifest: Manifest, outputs: int) -> str:
    """A word of warning where labels are numbers, and seem to be those of a smaller data set."""
    count = int(manifest.labels.max(initial=0)) + 1
    if count >= outputs or not (sets := sets_of(count)):
        return ""
    return (
        f"; the labels of the list are numbers up to {count - 1} and are taken for those of the "
        f"{outputs} outputs: if they are of {' or '.join(sets)}, say --select {sets[0]}"
    )


def _required(card: ClassifierCard, where: str) -> tuple[str, ...]:
    """Names by which columns are found."""
    if card.classes is None:
        raise ConfigError(f"{where} does not name its outputs; give {naming(card.model.outputs)}")
    return card.classes


def _from_columns(
    videos: Path, card: ClassifierCard, names: tuple[str, ...], how: ListConfig
) -> tuple[Manifest, Float64[np.ndarray, "answered outputs"]]:
    """A table whose columns hold the answers, read as for training."""
    if how.keep is not None:
        raise ConfigError(
            f"--list.keep has no effect where a model answers {card.answers}; leave it out and "
            f"give a table of the rows to keep"
        )
    source = SourceConfig(path=videos, root=how.root, layout=how.layout, frame_name=how.frame_name)
    if card.answers == "numbers":
        if how.column is not None:
            raise ConfigError("--list.column has no effect on numbers: columns are called as they")
        found = read_numbers((source,), LabelConfig(), wanted=names)
    else:
        columns = () if how.column is None else (how.column,)
        found = read_many_classes((source,), LabelConfig(columns=columns), wanted=names)
    return found.manifests[0], found.rows[0].numpy().astype(np.float64)


def _check_known(own: tuple[str, ...], names: tuple[str, ...], where: str) -> None:
    """A list may lack classes of the model; it may not have others, and shows both if it does."""
    if set(called_as_in(names, own)) - set(names):
        check_classes(own, names, where=where)


def _read(videos: Path, how: ListConfig, *, names: tuple[str, ...] | None) -> Manifest:
    return read_manifest(
        videos,
        root=how.root,
        layout=how.layout,
        frame_name=how.frame_name,
        keep=how.keep,
        labels="required",
        class_names=names,
    )


def _check_twins(manifest: Manifest) -> None:
    """A video that is listed twice would count twice."""
    seen: dict[str, str] = {}
    for entry in manifest:
        name = identity(entry)
        if name in seen:
            message = f"lists {entry.path} twice ({seen[name]} and {entry.where}); remove one"
            raise ManifestError(message, path=manifest.source)
        seen[name] = entry.where
