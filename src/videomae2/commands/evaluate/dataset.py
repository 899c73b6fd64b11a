"""The videos that a model is asked about, and what the right answers are.

Axes: labelled, answered = the videos, where answers are of that kind, else none; outputs = classes,
labels or numbers.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.data.loading.labels import LABEL_READERS, LabelConfig
from videomae2.data.loading.sources import SourceConfig, find_without_timestamps
from videomae2.data.manifests.class_names import infer_classes
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.manifests.overlap import format_entry_id
from videomae2.data.manifests.public_classes import canonicalize_names, find_datasets_with
from videomae2.data.manifests.read import ListConfig
from videomae2.data.views.requests import ViewSpec
from videomae2.errors import ConfigError, ManifestError
from videomae2.inference.classifier import format_class_names_flag
from videomae2.inference.views import resolve_views
from videomae2.models.task_type import TaskType
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.head_index import check_classes_match

_NUMBERED_DESCRIPTION = "classes called by their numbers: there are no names"


@dataclass(frozen=True, slots=True, eq=False)
class EvalDataset:
    """A list of videos with the right answers, in the order of the model's outputs."""

    manifest: Manifest
    task_type: TaskType
    classes: tuple[str, ...]
    """The name of each output."""
    class_names_source: str
    """Where the names come from, in words."""
    labels: Int64[np.ndarray, " labelled"]
    """The right class where exactly one is right; empty otherwise."""
    targets: Float64[np.ndarray, "answered outputs"]
    """Which of any number of classes hold, or the right numbers; empty otherwise."""

    @property
    def identities(self) -> list[str]:
        """What tells each video from all others."""
        return [format_entry_id(entry) for entry in self.manifest]

    def compute_digest(self) -> str:
        """Name in 16 characters what is listed, and every answer."""
        content = hashlib.sha256(self.manifest.digest().encode())
        content.update("\0".join(self.classes).encode("utf-8", "surrogatepass"))
        content.update(self.labels.tobytes() + self.targets.tobytes())
        return content.hexdigest()[:16]


def load_eval_dataset(
    videos: Path,
    card: SavedClassifierConfig,
    list_config: ListConfig,
    *,
    label_column: str | None = None,
    class_names_source: str,
    model_name: str,
) -> EvalDataset:
    """List the videos and their right answers.

    Args:
        videos: A folder per class, or a list.
        card: Of the model, with the names that were given for its outputs.
        list_config: How the list is read.
        label_column: Of labels of which any number holds, if it is not called label.
        class_names_source: Where the names come from, in words.
        model_name: What the model is called in messages.

    Raises:
        ManifestError: The list cannot be read or has not the answers.
        CheckpointError: Its classes are not those of the model; both lists are shown.
        ConfigError: The model does not name its outputs, and nobody knows their order.
    """
    class_names = card.class_names
    if card.task_type == "multiclass":
        if label_column is not None:
            raise ConfigError("--label-column has no effect where one class is right, leave it out")
        manifest, class_names, class_names_source = _load_multiclass(
            videos, card, class_names, class_names_source, list_config, model_name
        )
        labels, targets = manifest.labels.astype(np.int64), np.zeros((0, 0))
    else:
        class_names = _require_class_names(card, model_name)
        manifest, targets = _load_columns(videos, card, class_names, list_config, label_column)
        labels = np.zeros(0, dtype=np.int64)
    _check_duplicates(manifest)
    return EvalDataset(manifest, card.task_type, class_names, class_names_source, labels, targets)


def resolve_eval_views(card: SavedClassifierConfig, config: EvaluateConfig) -> ViewSpec:
    """The views that are scored, before it is known how the images of frame folders are called.

    Raises:
        ConfigError: They cannot be.
    """
    return resolve_views(
        card.model.encoder,
        card.frame_sampling,
        config.views,
        limits=config.reading.limits(),
        frame_rate=config.list.frame_rate,
    )


def check_timestamps_for_views(dataset: EvalDataset, views: ViewSpec) -> None:
    """Refuse a frame interval in seconds of what has no clock, before anything is read.

    Raises:
        ConfigError: Naming such a video and what would work.
    """
    if views.frame_sampling == "tsn" or views.interval_unit == "frames" or views.frame_rate:
        return
    untimed = find_without_timestamps(dataset.manifest)
    if untimed is not None:
        raise ConfigError(
            f"the frame interval counts in seconds, and {untimed} is a folder of images or an "
            "array, which has no clock; give --list.frame-rate, or --views.frame-interval 4 "
            "--views.interval-unit frames"
        )


def _load_multiclass(
    videos: Path,
    card: SavedClassifierConfig,
    class_names: tuple[str, ...] | None,
    class_names_source: str,
    list_config: ListConfig,
    model_name: str,
) -> tuple[Manifest, tuple[str, ...], str]:
    num_classes = card.model.num_classes
    manifest = list_config.read(videos, labels="required")
    list_names = manifest.class_names
    if class_names is not None:
        if list_names is not None:
            _check_class_names(list_names, class_names, model_name)
        warning = _warn_if_fewer_classes(manifest, num_classes) if list_names is None else ""
        return (
            list_config.read(videos, labels="required", class_names=class_names),
            class_names,
            class_names_source + warning,
        )
    if list_names is not None and find_datasets_with(num_classes):
        raise ConfigError(
            f"{videos} has classes by name ({manifest.description}), and {model_name} does not "
            f"name its {num_classes} outputs, whose order is hardly theirs; name them with "
            f"{format_class_names_flag(num_classes)}"
        )
    inferred = infer_classes(manifest)
    if list_names is None and len(inferred.names) <= num_classes:
        numbered = tuple(str(i) for i in range(num_classes))
        source = f"{_NUMBERED_DESCRIPTION}; to name them: {format_class_names_flag(num_classes)}"
        return manifest, numbered, source + _warn_if_fewer_classes(manifest, num_classes)
    if len(inferred.names) != num_classes:
        raise ConfigError(
            f"{videos} has {len(inferred.names)} classes ({inferred.description}), the model has "
            f"{num_classes} outputs and no names; give them all with "
            f"{format_class_names_flag(num_classes)}"
        )
    source_text = (
        f"{inferred.description}, taken to be in the order of the outputs: the model has no names"
    )
    return manifest, inferred.names, source_text


def _warn_if_fewer_classes(manifest: Manifest, num_classes: int) -> str:
    """A word of warning where labels are numbers, and seem to be those of a smaller data set."""
    count = int(manifest.labels.max(initial=0)) + 1
    if count >= num_classes or not (dataset_names := find_datasets_with(count)):
        return ""
    return (
        f"; the labels of the list are numbers up to {count - 1} and are taken for those of the "
        f"{num_classes} outputs: if they are of {' or '.join(dataset_names)}, say --classes "
        f"{dataset_names[0]}"
    )


def _require_class_names(card: SavedClassifierConfig, model_name: str) -> tuple[str, ...]:
    """Names by which columns are found."""
    if card.class_names is None:
        raise ConfigError(
            f"{model_name} does not name its outputs; give "
            f"{format_class_names_flag(card.model.num_classes)}"
        )
    return card.class_names


def _load_columns(
    videos: Path,
    card: SavedClassifierConfig,
    class_names: tuple[str, ...],
    list_config: ListConfig,
    label_column: str | None,
) -> tuple[Manifest, Float64[np.ndarray, "answered outputs"]]:
    """A table whose columns hold the answers, read as for training."""
    source = SourceConfig(
        path=videos,
        root=list_config.root,
        layout=list_config.layout,
        frame_name=list_config.frame_name,
        filter=list_config.filter,
    )
    if card.task_type == "regression" and label_column is not None:
        raise ConfigError("--label-column has no effect on numbers: columns are called as they")
    labels = LabelConfig(columns=() if label_column is None else (label_column,))
    labelled = LABEL_READERS[card.task_type]((source,), labels, expected=class_names)
    return labelled.manifests[0], labelled.targets[0].astype(np.float64)


def _check_class_names(
    list_names: tuple[str, ...], class_names: tuple[str, ...], model_name: str
) -> None:
    """A list may lack classes of the model; it may not have others, and shows both if it does."""
    if set(canonicalize_names(class_names, list_names)) - set(class_names):
        check_classes_match(list_names, class_names, location=model_name)


def _check_duplicates(manifest: Manifest) -> None:
    """A video that is listed twice would count twice."""
    seen: dict[str, str] = {}
    for entry in manifest:
        name = format_entry_id(entry)
        if name in seen:
            message = f"lists {entry.path} twice ({seen[name]} and {entry.location}); remove one"
            raise ManifestError(message, path=manifest.source)
        seen[name] = entry.location
