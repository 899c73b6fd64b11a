"""The videos that a model is asked about, and what the right answers are.

Axes: labelled, answered = the videos, where answers are of that kind, else none; outputs = classes,
labels or numbers.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from videomae2.data.class_names import infer_classes, read_class_names
from videomae2.data.clocks import without_clock
from videomae2.data.identity import identity
from videomae2.data.labels import LabelConfig, read_many_classes, read_numbers
from videomae2.data.listing import read_manifest
from videomae2.data.manifest import Manifest
from videomae2.data.sources import SourceConfig
from videomae2.errors import ConfigError, ManifestError
from videomae2.jobs.evaluation.settings import ListConfig, ViewSettings
from videomae2.models.cards import Answers, ClassifierCard, check_classes


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
    videos: Path, card: ClassifierCard, names_file: Path | None, how: ListConfig, *, where: str
) -> Questions:
    """List the videos and their right answers.

    Args:
        videos: A folder per class, or a list.
        card: Of the model.
        names_file: Names of the classes, for a model or a list that has none.
        how: How the list is read.
        where: What the model is called in messages.

    Raises:
        ManifestError: The list cannot be read or has not the answers.
        CheckpointError: Its classes are not those of the model; both lists are shown.
        ConfigError: Names do not fit the number of outputs.
    """
    names, names_from = _names(card, names_file, where)
    if card.answers == "one-class":
        if how.column is not None:
            raise ConfigError("--list.column has no effect where one class is right, leave it out")
        manifest, names, names_from = _with_one_class(videos, card, names, names_from, how, where)
        labels, targets = manifest.labels.astype(np.int64), np.zeros((0, 0))
    else:
        names, names_from = _required(names, names_from, where)
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


def _names(
    card: ClassifierCard, names_file: Path | None, where: str
) -> tuple[tuple[str, ...] | None, str]:
    """The names that are known before the list is read, and where from."""
    given = None if names_file is None else read_class_names(names_file)
    if given is not None and card.classes is not None:
        check_classes(given, card.classes, where=where)
    if given is not None and len(given) != card.model.outputs:
        raise ConfigError(
            f"{names_file} has {len(given)} names, the model has {card.model.outputs} outputs"
        )
    if card.classes is not None:
        return card.classes, "names from the model"
    return given, "" if given is None else f"names from {names_file}"


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
        return _read(videos, how, names=names), names, names_from
    found = infer_classes(manifest)
    if own is None and len(found.names) <= outputs:
        numbered = tuple(str(i) for i in range(outputs))
        return manifest, numbered, "classes called by their numbers: there are no names"
    if len(found.names) != outputs:
        raise ConfigError(
            f"{videos} has {len(found.names)} classes ({found.origin}), the model has {outputs} "
            f"outputs and no names; give them all with --classes FILE"
        )
    said = f"{found.origin}, taken to be in the order of the outputs: the model has no names"
    return manifest, found.names, said


def _required(
    names: tuple[str, ...] | None, names_from: str, where: str
) -> tuple[tuple[str, ...], str]:
    """Names by which columns are found."""
    if names is None:
        raise ConfigError(f"{where} does not name its outputs; give names with --classes FILE")
    return names, names_from


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
    if set(own) - set(names):
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
