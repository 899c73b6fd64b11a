"""The labelled videos of a run: what to train on, what is held out, what clips are taken for.

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

from videomae2.base.names import printable_name
from videomae2.base.summary import Summary
from videomae2.base.text import format_count
from videomae2.config.runs import ClassifierRun, FinetuneRun
from videomae2.data.augment.augment import augment, is_mixing
from videomae2.data.loading.batch import CPUBatch
from videomae2.data.loading.labels import LABEL_READERS, LabelledData
from videomae2.data.loading.sources import SourceConfig, check_timestamps, with_found_bits
from videomae2.data.splits.overlap import describe_entry, find_overlap
from videomae2.data.splits.units import describe_joined, list_units
from videomae2.data.splits.validation import explain_no_split, limit_per_class, validation_split
from videomae2.errors import DataError
from videomae2.models.task_type import TASK_TYPES, TaskType
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tensors.clips import Clips, to_device
from videomae2.tensors.label_losses import (
    compute_class_weights,
    compute_pos_weights,
    to_soft_targets,
)

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
    warning: str = ""
    """Why nothing is held out, where that was wanted."""

    def summarize(self, task_type: TaskType) -> Summary:
        """Say what was found out about the labels."""
        names = self.train.class_names
        text = f"{len(names)}: {', '.join(names[:_MAX_SHOWN_CLASSES])}"
        if len(names) > _MAX_SHOWN_CLASSES:
            text += f" and {len(names) - _MAX_SHOWN_CLASSES} more"
        text += f" ({self.train.description})"
        if task_type == "multiclass":
            count = count_per_class(self.train)
            fewest = f"{min(count)} to " if min(count) < max(count) else ""
            text += f"\n{fewest}{format_count(max(count), 'video')} each to train on"
            absent = [name for name, n in zip(names, count, strict=True) if n == 0]
            if absent:
                text += f"; none of {shorten_names(absent)}"
        return Summary(((TASK_TYPES[task_type].noun, text), *self.summarize_val()))

    def summarize_val(self) -> tuple[tuple[str, str], ...]:
        """Rows of a plan: what is held out, and a warning where nothing is."""
        return (("val", self.val_description), *[("warning", self.warning)] * bool(self.warning))


def load_train_val_data(run: FinetuneRun) -> TrainValData:
    """Read the lists of a run, and set videos aside for validation.

    Raises:
        DataError: If lists or labels are wrong, or there is only one class.
    """
    sources, read = run.data.sources, LABEL_READERS[run.task.task_type]
    data = read(sources, run.labels)
    check_timestamps(sources, data.manifests)
    run = replace(run, data=with_found_bits(run.data, data.manifests))
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
    run: ClassifierRun,
    task_type: TaskType,
    data: LabelledData,
    read: Callable[[SourceConfig], LabelledData],
) -> TrainValData:
    """Take a share of the videos out for validation, or read the list that is for it.

    Of what is left, as many of each class as are wanted are kept to train on.

    Raises:
        DataError: The list has training videos, or nothing held out can be judged by its labels.
    """
    path = run.validation.path
    if path is None:
        train_val = _split_share(data, run.validation.share, run.seed)
    else:
        val_data = read(*build_val_sources(run))
        _check_leakage(data, val_data, path)
        train_val = TrainValData(
            data, val_data, f"{format_count(_count_videos(val_data), 'video')} of {path}"
        )
    _check_val_labels(train_val.val, task_type)
    count, train = run.labels.max_per_class, train_val.train
    if count is None or task_type != "multiclass":
        return train_val
    chosen = limit_per_class(train.manifests, train.targets, count, seed=run.seed)
    return replace(train_val, train=_select_entries(train, chosen))


def build_val_sources(run: ClassifierRun) -> tuple[SourceConfig, ...]:
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
            bits=validation.bits or sources[0].bits,
            first_label=validation.first_label or sources[0].first_label,
            spelling=sources[0].spelling if validation.spelling == "ask" else validation.spelling,
        ),
    )


def _check_leakage(train_data: LabelledData, val_data: LabelledData, path: Path) -> None:
    """Refuse a list that has training videos: the best model would be the one that knows them."""
    overlap = find_overlap(*(chain.from_iterable(d.manifests) for d in (train_data, val_data)))
    if overlap:
        raise DataError(
            f"{len(overlap)} of the {format_count(_count_videos(val_data), 'video')} of "
            f"--validation.path {path} "
            f"are also training videos, such as {describe_entry(overlap[0])}; take them out of one "
            f"list, or hold a share out with --validation.share alone"
        )


def _check_val_labels(val_data: LabelledData | None, task_type: TaskType) -> None:
    """Refuse held-out videos of which no label holds: nothing could be better than another."""
    if val_data is None or task_type != "multilabel" or not val_data.has_labels:
        return
    if not any(bool((row > 0).any()) for row in val_data.targets):
        raise DataError(
            f"none of the {format_count(_count_videos(val_data), 'held-out video')} has any of the "
            f"{format_count(len(val_data.class_names), 'label')}, so there is nothing to "
            f"judge by; hold out "
            f"more with --validation.share, give a list that has some with --validation.path, or "
            f"hold nothing out with --validation.share 0"
        )


def count_per_class(videos: LabelledData) -> list[int]:
    """Videos of each class, of which each has one."""
    targets = np.concatenate(videos.targets)
    counts: list[int] = np.bincount(targets, minlength=len(videos.class_names)).tolist()
    return counts


def _split_share(videos: LabelledData, share: float, seed: int) -> TrainValData:
    has_one_class = videos.targets[0].ndim == 1
    labels = videos.targets if has_one_class else [m.labels for m in videos.manifests]
    val_masks = validation_split(videos.manifests, labels, share, seed=seed)
    count = sum(int(mask.sum()) for mask in val_masks)
    if count == 0:
        description = "nothing: the last model is the result"
        warning = explain_no_split(videos.manifests) if share else ""
        return TrainValData(videos, None, description, warning)
    val_data = _select_entries(videos, val_masks)
    whom = "each class" if has_one_class else "them"
    description = (
        f"{count} of {format_count(_count_videos(videos), 'video')}, {share:g} of "
        f"{whom}, not trained on"
    )
    if videos.manifests[0].groups is not None:
        held_out, total = (
            len(set(chain.from_iterable(list_units(side.manifests)))) for side in (val_data, videos)
        )
        description += f": {held_out} of {format_count(total, 'group')} as a whole"
    if has_one_class and 0 in (counts := count_per_class(val_data)):
        absent = [name for name, n in zip(videos.class_names, counts, strict=True) if n == 0]
        few = "are in too few groups" if videos.manifests[0].groups else "have too few"
        description += f"; none of {shorten_names(absent)}, which {few}"
    train_data = _select_entries(videos, [~mask for mask in val_masks])
    return TrainValData(train_data, val_data, description, describe_joined(videos.manifests))


def shorten_names(names: Sequence[str]) -> str:
    """The first names of classes, as many as a person reads."""
    more = ", …" if len(names) > _MAX_SHOWN_CLASSES else ""
    return ", ".join(map(printable_name, names[:_MAX_SHOWN_CLASSES])) + more


def _select_entries(videos: LabelledData, masks: Sequence[np.ndarray]) -> LabelledData:
    numbers = [np.flatnonzero(mask) for mask in masks]
    return replace(
        videos,
        manifests=tuple(m.take(n) for m, n in zip(videos.manifests, numbers, strict=True)),
        targets=tuple(r[n] for r, n in zip(videos.targets, numbers, strict=True)),
    )


def _count_videos(videos: LabelledData) -> int:
    return sum(map(len, videos.manifests))


def compute_balance(
    config: ClassifyConfig, videos: LabelledData
) -> Float32[Tensor, " outputs"] | None:
    """Weights of classes against imbalance, where they are asked for."""
    if config.balance == 0:
        return None
    if config.task_type == "multiclass":
        return compute_class_weights(count_per_class(videos), config.balance)
    targets = torch.from_numpy(np.concatenate(videos.targets))
    return compute_pos_weights(targets.sum(dim=0).int().tolist(), len(targets), config.balance)


def lookup_targets(videos: LabelledData, sample_ids: Sequence[tuple[int, int]]) -> Tensor:
    """The target of each video, by its source and place in it."""
    rows = [videos.targets[source][number] for source, number in sample_ids]
    return torch.from_numpy(np.stack(rows))


@dataclass(frozen=True, slots=True)
class BatchTransform:
    """Gives training clips what they should be taken for, and changes them."""

    run: ClassifierRun
    videos: LabelledData

    def __call__(self, clips: Clips, batch: CPUBatch) -> Clips:
        data, config = self.run.data, self.run.augment
        device, views = clips.pixels.device, len(batch.keys) // len(batch.sample_ids)
        targets = lookup_targets(self.videos, batch.sample_ids).repeat_interleave(views, dim=0)
        if targets.ndim == 1 and is_mixing(config.mix):
            targets = to_soft_targets(targets, len(self.videos.class_names))
        augmented = augment(
            replace(clips, targets=to_device(targets, device)),
            config,
            mean=to_device(torch.tensor(data.mean), device),
            std=to_device(torch.tensor(data.std), device),
            host_keys=torch.tensor(batch.keys),
        )
        return augmented if self.videos.has_labels else replace(augmented, targets=None)
