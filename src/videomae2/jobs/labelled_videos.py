"""The labelled videos of a run: which to train on, which are held out, and their targets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from videomae2.config import FinetuneRun, Validated
from videomae2.data.apart import in_both, such_as
from videomae2.data.clocks import check_clocks
from videomae2.data.held_out import held_out
from videomae2.data.labels import Labelled, read_many_classes, read_numbers, read_one_class
from videomae2.data.sources import SourceConfig
from videomae2.errors import DataError
from videomae2.models.cards import Answers
from videomae2.models.number_scale import NumberScale, scale_of
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tensors.targets import balancing_weights, presence_weights

READERS = {
    "one-class": read_one_class,
    "many-classes": read_many_classes,
    "numbers": read_numbers,
}
HELD_OUT = "held_out"
"""Folder of a run for what is known of its held-out videos."""

_SHOWN_CLASSES = 12


@dataclass(frozen=True, slots=True)
class TrainingVideos:
    """What a run learns from, and what it is held against while it does."""

    training: Labelled
    held_out: Labelled | None
    origin: str
    """Where the second comes from."""

    def describe(self, answers: Answers) -> list[str]:
        """Say what was found out about the labels, in a few lines."""
        names = self.training.names
        shown = ", ".join(names[:_SHOWN_CLASSES])
        more = f" and {len(names) - _SHOWN_CLASSES} more" if len(names) > _SHOWN_CLASSES else ""
        what = "outputs" if answers == "numbers" else "classes"
        lines = [f"{what:<8} {len(names)}: {shown}{more} ({self.training.origin})"]
        if answers == "one-class":
            count = class_counts(self.training.rows, len(names))
            span = f"{min(count)} to {max(count)}" if min(count) < max(count) else f"{count[0]}"
            lines += [f"         {span} videos each to train on"]
        return [*lines, f"held out {self.origin}"]


def read_videos(run: FinetuneRun) -> TrainingVideos:
    """Read the lists of a run, and set videos aside for validation.

    Raises:
        DataError: If lists or labels are wrong, or there is only one class.
    """
    sources, read = run.data.sources, READERS[run.task.answers]
    found = read(sources, run.labels)
    check_clocks(sources, found.manifests)
    if run.task.answers == "one-class" and len(found.names) < 2:
        raise DataError(
            f"{sources[0].path} has one class only, {found.names[0]!r}; a classifier wants two: "
            f"one folder for each, or a list with labels"
        )
    if run.model.outputs not in (0, len(found.names)):
        raise DataError(
            f"the data asks for {len(found.names)} outputs, --model.outputs says "
            f"{run.model.outputs}; leave it out"
        )
    return set_aside(
        run, run.task.answers, found, lambda one: read((one,), run.labels, wanted=found.names)
    )


def set_aside(
    run: Validated,
    answers: Answers,
    found: Labelled,
    read: Callable[[SourceConfig], Labelled],
) -> TrainingVideos:
    """Take a share of the videos out for validation, or read the list that is for it.

    Raises:
        DataError: The list has training videos, or nothing held out can be judged by its labels.
    """
    validation = run.validation
    if validation.path is None:
        videos = _split(found, validation.share, run.seed)
    else:
        other = read(
            replace(run.data.sources[0], path=validation.path, root=validation.root, layout="auto")
        )
        _check_apart(found, other, validation.path)
        videos = TrainingVideos(found, other, f"{_entries(other)} videos of {validation.path}")
    _check_judged(videos.held_out, answers)
    return videos


def _check_apart(training: Labelled, other: Labelled, path: Path) -> None:
    """Refuse a list that has training videos: the best model would be the one that knows them."""
    both = in_both(*(chain.from_iterable(one.manifests) for one in (training, other)))
    if both:
        raise DataError(
            f"{len(both)} of the {_entries(other)} videos of --validation.path {path} are also "
            f"training videos, such as {such_as(both[0])}; take them out of one list, or hold a "
            f"share out with --validation.share alone"
        )


def _check_judged(videos: Labelled | None, answers: Answers) -> None:
    """Refuse held-out videos of which no label holds: nothing could be better than another."""
    if videos is None or answers != "many-classes" or not videos.labelled:
        return
    if not any(bool((row > 0).any()) for row in videos.rows):
        raise DataError(
            f"none of the {_entries(videos)} held-out videos has any of the {len(videos.names)} "
            f"labels, so there is nothing to judge by; hold out more with --validation.share, give "
            f"a list that has some with --validation.path, or hold nothing out with "
            f"--validation.share 0"
        )


def class_counts(rows: Sequence[Tensor], outputs: int) -> list[int]:
    """Videos of each class."""
    every = torch.cat([row for row in rows])
    return torch.bincount(every, minlength=outputs).tolist()


class Outputs:
    """Targets of clips by the place of their video, and weights of classes."""

    def __init__(self, config: ClassifyConfig, videos: Labelled) -> None:
        self.config, self.videos = config, videos

    def weights(self) -> Float32[Tensor, " outputs"] | None:
        """Weights of classes against imbalance, where they are asked for."""
        balance, rows, names = self.config.balance, self.videos.rows, self.videos.names
        if balance == 0:
            return None
        if self.config.answers == "one-class":
            return balancing_weights(class_counts(rows, len(names)), balance)
        every = torch.cat([row for row in rows])
        return presence_weights(every.sum(dim=0).int().tolist(), len(every), balance)

    def scale(self) -> NumberScale | None:
        """What numbers are counted in while they are learnt; None for classes."""
        return scale_of(self.videos.rows) if self.config.answers == "numbers" else None

    def of(self, places: Sequence[tuple[int, int]], views: int) -> Tensor:
        """One target for each view of each video."""
        rows = torch.stack([self.videos.rows[source][number] for source, number in places])
        return rows.repeat_interleave(views, dim=0)


def _split(videos: Labelled, share: float, seed: int) -> TrainingVideos:
    chosen = [held_out(manifest, share, seed=seed) for manifest in videos.manifests]
    count = sum(int(one.sum()) for one in chosen)
    if count == 0:
        return TrainingVideos(videos, None, "nothing: the last model is the result")
    kept = _part(videos, chosen)
    whom = "each class" if kept.rows[0].ndim == 1 else "them"
    aside = f"{count} of {_entries(videos)} videos, {share:g} of {whom}, not trained on"
    if kept.rows[0].ndim == 1 and (few := _unseen(kept)):
        shown = ", ".join(few[:_SHOWN_CLASSES]) + (", …" if len(few) > _SHOWN_CLASSES else "")
        aside += f"; none of {shown}, which have too few"
    return TrainingVideos(_part(videos, [~one for one in chosen]), kept, aside)


def _unseen(videos: Labelled) -> list[str]:
    """The classes that no video has."""
    count = class_counts(videos.rows, len(videos.names))
    return [name for name, number in zip(videos.names, count, strict=True) if number == 0]


def _part(videos: Labelled, chosen: Sequence[np.ndarray]) -> Labelled:
    numbers = [np.flatnonzero(one) for one in chosen]
    return replace(
        videos,
        manifests=tuple(m.take(n) for m, n in zip(videos.manifests, numbers, strict=True)),
        rows=tuple(r[torch.from_numpy(n)] for r, n in zip(videos.rows, numbers, strict=True)),
    )


def _entries(videos: Labelled) -> int:
    return sum(len(manifest) for manifest in videos.manifests)


def middle_sources(run: Validated) -> tuple[SourceConfig, ...]:
    """The sources of the held-out videos, one for each of their lists."""
    sources, validation = run.data.sources, run.validation
    if validation.path is None:
        return sources
    return (replace(sources[0], path=validation.path, root=validation.root),)
