"""The videos that a model is asked about, and what the right answers are.

Axes: labelled, answered = the videos, where answers are of that kind, else none; outputs = classes,
labels or numbers.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from videomae2.base.summary import Summary
from videomae2.base.text import format_count
from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.data.loading.labels import LABEL_READERS, LabelConfig
from videomae2.data.loading.sources import SourceConfig
from videomae2.data.manifests.bit_depth import choose_bits
from videomae2.data.manifests.class_names import infer_classes
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.manifests.preview import preview_manifest
from videomae2.data.manifests.public_classes import canonicalize_names, find_datasets_with
from videomae2.data.manifests.read import ListConfig
from videomae2.data.splits.overlap import format_entry_id
from videomae2.data.views.requests import ViewSpec
from videomae2.errors import ConfigError, ManifestError
from videomae2.inference.classifier import format_class_names_flag, format_class_names_source
from videomae2.inference.views import bind_views, format_views, resolve_views
from videomae2.models.task_type import TASK_TYPES, TaskType
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.head import check_classes_match
from videomae2.models.weights.model_ref import ClassifierRef
from videomae2.training.runtime import Runtime


@dataclass(frozen=True, slots=True, eq=False)
class GroundTruth:
    """The right answers of some videos."""

    task_type: TaskType
    classes: Sequence[str]
    identities: Sequence[str]
    labels: Int64[np.ndarray, " labelled"]
    """Where one class is right; else empty."""
    targets: Float64[np.ndarray, "answered outputs"]
    """Where any number of classes, or numbers, are; else empty."""

    def select(self, rows: Sequence[int]) -> "GroundTruth":
        return replace(
            self,
            identities=[self.identities[row] for row in rows],
            labels=self.labels[list(rows)] if len(self.labels) else self.labels,
            targets=self.targets[list(rows)] if len(self.targets) else self.targets,
        )


@dataclass(frozen=True, slots=True, eq=False)
class EvalDataset:
    """A list of videos with the right answers, in the order of the model's outputs."""

    manifest: Manifest
    truth: GroundTruth
    class_names_source: str
    """Where the names come from, in words."""

    @property
    def classes(self) -> Sequence[str]:
        return self.truth.classes

    def summarize(self, views: ViewSpec, out: Path, runtime: Runtime) -> Summary:
        outputs = f"{len(self.classes)} {TASK_TYPES[self.truth.task_type].label_description}"
        return Summary(
            (
                ("videos", f"{len(self.manifest)} ({self.manifest.description})"),
                *preview_manifest(self.manifest).rows,
                ("outputs", f"{outputs} ({self.class_names_source})"),
                ("views", format_views(views)),
                ("folder", str(out)),
                ("device", str(runtime)),
            )
        )

    def compute_digest(self) -> str:
        """Name in 16 characters what is listed, and every answer."""
        content = hashlib.sha256(self.manifest.digest().encode())
        content.update("\0".join(self.classes).encode("utf-8", "surrogatepass"))
        content.update(self.truth.labels.tobytes() + self.truth.targets.tobytes())
        return content.hexdigest()[:16]


def load_dataset_and_views(
    ref: ClassifierRef, videos: Path, config: EvaluateConfig, *, model_name: str
) -> tuple[EvalDataset, ViewSpec]:
    """List the videos and their right answers, and say which views of them a model is shown.

    Raises:
        ManifestError: The list cannot be read or has not the answers.
        CheckpointError: Its classes are not those of the model; both lists are shown.
        ConfigError: The views cannot be, or the model does not name its outputs, and nobody knows
            their order.
    """
    card, class_names_source = ref.config, format_class_names_source(ref)
    bits = choose_bits(config.list.bits, card.bits, ref.path)
    config = replace(config, list=replace(config.list, bits=bits))
    views = resolve_views(
        card.model.encoder,
        card.frame_sampling,
        config.views,
        limits=config.reading.limits(),
        frame_rate=config.list.frame_rate,
    )
    labels, targets = np.zeros(0, dtype=np.int64), np.zeros((0, 0))
    if card.task_type == "multiclass":
        if config.label_column is not None:
            raise ConfigError("--label-column has no effect where one class is right, leave it out")
        manifest, names, class_names_source = _load_multiclass(
            videos, card, class_names_source, config.list, model_name
        )
        labels = manifest.labels.astype(np.int64)
    elif card.class_names is None:
        flag = format_class_names_flag(card.model.num_classes)
        raise ConfigError(f"{model_name} does not name its outputs; give {flag}")
    else:
        names = card.class_names
        manifest, targets = _load_columns(videos, card.task_type, names, config)
    truth = GroundTruth(card.task_type, names, _list_identities(manifest), labels, targets)
    return EvalDataset(manifest, truth, class_names_source), bind_views(views, manifest)


def _load_multiclass(
    videos: Path,
    card: SavedClassifierConfig,
    class_names_source: str,
    list_config: ListConfig,
    model_name: str,
) -> tuple[Manifest, tuple[str, ...], str]:
    num_classes, names = card.model.num_classes, card.class_names
    manifest = list_config.read(videos, labels="required")
    list_names = manifest.class_names
    if names is not None:
        # a list may lack classes of the model; it may not have others
        if list_names is None:
            class_names_source += _warn_if_fewer_classes(manifest, num_classes)
        elif set(canonicalize_names(names, list_names)) - set(names):
            check_classes_match(list_names, names, location=model_name)
        return (
            list_config.read(videos, labels="required", class_names=names),
            names,
            class_names_source,
        )
    flag = format_class_names_flag(num_classes)
    if list_names is not None and find_datasets_with(num_classes):
        raise ConfigError(
            f"{videos} has classes by name ({manifest.description}), and {model_name} does not "
            f"name its {num_classes} outputs, whose order is hardly theirs; name them with {flag}"
        )
    inferred = infer_classes(manifest)
    if list_names is None and len(inferred.names) <= num_classes:
        numbered = tuple(str(i) for i in range(num_classes))
        source = f"classes called by their numbers: there are no names; to name them: {flag}"
        return manifest, numbered, source + _warn_if_fewer_classes(manifest, num_classes)
    if len(inferred.names) != num_classes:
        raise ConfigError(
            f"{videos} has {format_count(len(inferred.names), 'class')} "
            f"({inferred.description}), the model has "
            f"{num_classes} outputs and no names; give them all with {flag}"
        )
    source = (
        f"{inferred.description}, taken to be in the order of the outputs: the model has no names"
    )
    return manifest, inferred.names, source


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


def _load_columns(
    videos: Path, task_type: TaskType, class_names: tuple[str, ...], config: EvaluateConfig
) -> tuple[Manifest, Float64[np.ndarray, "answered outputs"]]:
    """A table whose columns hold the answers, read as for training."""
    column = config.label_column
    if task_type == "regression" and column is not None:
        raise ConfigError("--label-column has no effect on numbers: columns are called as they")
    settings = {field.name: getattr(config.list, field.name) for field in fields(ListConfig)}
    source = SourceConfig(path=videos, **settings)
    labels = LabelConfig(columns=() if column is None else (column,))
    labelled = LABEL_READERS[task_type]((source,), labels, expected=class_names)
    return labelled.manifests[0], labelled.targets[0].astype(np.float64)


def _list_identities(manifest: Manifest) -> list[str]:
    """What tells each video from all others; one that is listed twice would count twice."""
    seen: dict[str, str] = {}
    for entry in manifest:
        name = format_entry_id(entry)
        if name in seen:
            message = f"lists {entry.path} twice ({seen[name]} and {entry.location}); remove one"
            raise ManifestError(message, path=manifest.source)
        seen[name] = entry.location
    return list(seen)
