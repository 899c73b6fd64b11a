"""The labelled videos of a run: which to train on, which are held out, and their targets.

Axes: outputs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from videomae2.base.summary import Summary
from videomae2.config.runs import FinetuneRun, ValidatedRun
from videomae2.data.augment.augment import augment, is_mixing
from videomae2.data.loading.batch import CPUBatch
from videomae2.data.loading.labels import LABEL_READERS, LabelledData
from videomae2.data.loading.sources import SourceConfig, check_timestamps
from videomae2.data.manifests.overlap import describe_entry, find_overlap
from videomae2.data.manifests.split import validation_split
from videomae2.errors import DataError
from videomae2.models.task_type import TASK_TYPES, TaskType
from videomae2.models.weights.target_scaler import TargetScaler, fit_target_scaler
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tensors.clips import Clips, to_device
from videomae2.tensors.targets import compute_class_weights, compute_pos_weights, to_soft_targets

VAL_FOLDER = "val"
"""Folder of a run for what is known of its held-out videos."""
_MAX_SHOWN_CLASSES = 12


@dataclass(frozen=True, slots=True)
class TrainValData:
    """What a run learns from, and what it is held against while it does."""

    train: LabelledData
    val: LabelledData | None
    val_description: str
    """Where the second comes from."""

    def summarize(self, task_type: TaskType) -> Summary:
        """Say what was found out about the labels."""
        names = self.train.class_names
        shown = ", ".join(names[:_MAX_SHOWN_CLASSES])
        more = (
            f" and {len(names) - _MAX_SHOWN_CLASSES} more"
            if len(names) > _MAX_SHOWN_CLASSES
            else ""
        )
        noun = TASK_TYPES[task_type].noun
        text = f"{len(names)}: {shown}{more} ({self.train.description})"
        if task_type == "multiclass":
            count = count_per_class(self.train.targets, len(names))
            range_text = (
                f"{min(count)} to {max(count)}" if min(count) < max(count) else f"{count[0]}"
            )
            text += f"\n{range_text} videos each to train on"
        return Summary(((noun, text), ("val", self.val_description)))


def load_train_val_data(run: FinetuneRun) -> TrainValData:
    """Read the lists of a run, and set videos aside for validation.

    Raises:
        DataError: If lists or labels are wrong, or there is only one class.
    """
    sources, read = run.data.sources, LABEL_READERS[run.task.task_type]
    data = read(sources, run.labels)
    check_timestamps(sources, data.manifests)
    if run.task.task_type == "multiclass" and len(data.class_names) < 2:
        raise DataError(
            f"{sources[0].path} has one class only, {data.class_names[0]!r}; a classifier wants "
            f"two: one folder for each, or a list with labels"
        )
    if run.model.num_classes not in (0, len(data.class_names)):
        raise DataError(
            f"the data asks for {len(data.class_names)} outputs, --model.num-classes says "
            f"{run.model.num_classes}; leave it out"
        )
    return split_validation(
        run,
        run.task.task_type,
        data,
        lambda source: read((source,), run.labels, expected=data.class_names),
    )


def split_validation(
    run: ValidatedRun,
    task_type: TaskType,
    data: LabelledData,
    read: Callable[[SourceConfig], LabelledData],
) -> TrainValData:
    """Take a share of the videos out for validation, or read the list that is for it.

    Raises:
        DataError: The list has training videos, or nothing held out can be judged by its labels.
    """
    validation = run.validation
    if validation.path is None:
        train_val = _split_share(data, validation.share, run.seed)
    else:
        val_data = read(*build_val_sources(run))
        _check_leakage(data, val_data, validation.path)
        train_val = TrainValData(
            data, val_data, f"{_count_videos(val_data)} videos of {validation.path}"
        )
    _check_val_labels(train_val.val, task_type)
    return train_val


def _check_leakage(train_data: LabelledData, val_data: LabelledData, path: Path) -> None:
    """Refuse a list that has training videos: the best model would be the one that knows them."""
    overlap = find_overlap(
        *(chain.from_iterable(labelled_data.manifests) for labelled_data in (train_data, val_data))
    )
    if overlap:
        raise DataError(
            f"{len(overlap)} of the {_count_videos(val_data)} videos of --validation.path {path} "
            f"are also training videos, such as {describe_entry(overlap[0])}; take them out of one "
            f"list, or hold a share out with --validation.share alone"
        )


def _check_val_labels(val_data: LabelledData | None, task_type: TaskType) -> None:
    """Refuse held-out videos of which no label holds: nothing could be better than another."""
    if val_data is None or task_type != "multilabel" or not val_data.has_labels:
        return
    if not any(bool((row > 0).any()) for row in val_data.targets):
        raise DataError(
            f"none of the {_count_videos(val_data)} held-out videos has any of the "
            f"{len(val_data.class_names)} labels, so there is nothing to judge by; hold out "
            f"more with --validation.share, give a list that has some with --validation.path, or "
            f"hold nothing out with --validation.share 0"
        )


def count_per_class(targets: Sequence[np.ndarray], num_classes: int) -> list[int]:
    """Videos of each class."""
    counts: list[int] = np.bincount(np.concatenate(targets), minlength=num_classes).tolist()
    return counts


class TargetLookup:
    """Targets of clips by the place of their video, and weights of classes."""

    def __init__(self, config: ClassifyConfig, videos: LabelledData) -> None:
        self.config, self.videos = config, videos
        self._targets = [torch.from_numpy(rows) for rows in videos.targets]

    def compute_class_weights(self) -> Float32[Tensor, " outputs"] | None:
        """Weights of classes against imbalance, where they are asked for."""
        balance, names = self.config.balance, self.videos.class_names
        if balance == 0:
            return None
        if self.config.task_type == "multiclass":
            return compute_class_weights(count_per_class(self.videos.targets, len(names)), balance)
        all_targets = torch.cat(self._targets)
        return compute_pos_weights(all_targets.sum(dim=0).int().tolist(), len(all_targets), balance)

    def fit_target_scaler(self) -> TargetScaler | None:
        """What numbers are counted in while they are learnt; None for classes."""
        return fit_target_scaler(self._targets) if self.config.task_type == "regression" else None

    def lookup(self, sample_ids: Sequence[tuple[int, int]], views: int) -> Tensor:
        """One target for each view of each video."""
        targets = torch.stack([self._targets[source][number] for source, number in sample_ids])
        return targets.repeat_interleave(views, dim=0)


@dataclass(frozen=True, slots=True)
class BatchTransform:
    """Gives training clips what they should be taken for, and changes them."""

    run: ValidatedRun
    target_lookup: TargetLookup

    def __call__(self, clips: Clips, batch: CPUBatch) -> Clips:
        data, config = self.run.data, self.run.augment
        device = clips.pixels.device
        targets = self.target_lookup.lookup(
            batch.sample_ids, len(batch.keys) // len(batch.sample_ids)
        )
        if targets.ndim == 1 and is_mixing(config.mix):
            targets = to_soft_targets(targets, len(self.target_lookup.videos.class_names))
        transformed = augment(
            replace(clips, targets=to_device(targets, device)),
            config,
            mean=to_device(torch.tensor(data.mean), device),
            std=to_device(torch.tensor(data.std), device),
            host_keys=torch.tensor(batch.keys),
        )
        return (
            transformed
            if self.target_lookup.videos.has_labels
            else replace(transformed, targets=None)
        )


def _split_share(videos: LabelledData, share: float, seed: int) -> TrainValData:
    val_masks = [validation_split(manifest, share, seed=seed) for manifest in videos.manifests]
    count = sum(int(mask.sum()) for mask in val_masks)
    if count == 0:
        return TrainValData(videos, None, "nothing: the last model is the result")
    val_data = _select_entries(videos, val_masks)
    whom = "each class" if val_data.targets[0].ndim == 1 else "them"
    description = f"{count} of {_count_videos(videos)} videos, {share:g} of {whom}, not trained on"
    if val_data.targets[0].ndim == 1 and (absent_classes := _find_absent_classes(val_data)):
        shown = ", ".join(absent_classes[:_MAX_SHOWN_CLASSES]) + (
            ", …" if len(absent_classes) > _MAX_SHOWN_CLASSES else ""
        )
        description += f"; none of {shown}, which have too few"
    return TrainValData(
        _select_entries(videos, [~mask for mask in val_masks]), val_data, description
    )


def _find_absent_classes(videos: LabelledData) -> list[str]:
    """The classes that no video has."""
    count = count_per_class(videos.targets, len(videos.class_names))
    return [name for name, number in zip(videos.class_names, count, strict=True) if number == 0]


def _select_entries(videos: LabelledData, masks: Sequence[np.ndarray]) -> LabelledData:
    numbers = [np.flatnonzero(mask) for mask in masks]
    return replace(
        videos,
        manifests=tuple(m.take(n) for m, n in zip(videos.manifests, numbers, strict=True)),
        targets=tuple(r[n] for r, n in zip(videos.targets, numbers, strict=True)),
    )


def _count_videos(videos: LabelledData) -> int:
    return sum(len(manifest) for manifest in videos.manifests)


def build_val_sources(run: ValidatedRun) -> tuple[SourceConfig, ...]:
    """The sources of the held-out videos, one for each of their lists."""
    sources, validation = run.data.sources, run.validation
    if validation.path is None:
        return sources
    return (
        replace(
            sources[0],
            path=validation.path,
            root=validation.root,
            layout=validation.layout,
            filter=validation.filter,
            frame_name=validation.frame_name or sources[0].frame_name,
            frame_rate=validation.frame_rate or sources[0].frame_rate,
        ),
    )
