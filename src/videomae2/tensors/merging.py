"""Scores of many views to scores of videos: the mean of probabilities; and what each view adds.

NumPy only. Axes: views, videos, clips, crops, classes.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Float64, Int, Int64

from videomae2.tensors.accuracy import top_k_hits

ClassificationType = Literal["multiclass", "multilabel"]
"""Whether classes exclude each other (softmax) or each is a question of its own (sigmoid)."""


@dataclass(frozen=True, slots=True)
class MergedScores:
    """One row per video, in the order in which videos came first."""

    videos: tuple[Hashable, ...]
    probabilities: Float64[np.ndarray, "videos classes"]
    num_views: Int64[np.ndarray, " videos"]
    """Different views that were averaged."""


def compute_probabilities(
    logits: Float[np.ndarray, "*batch classes"], task_type: ClassificationType = "multiclass"
) -> Float64[np.ndarray, "*batch classes"]:
    """Softmax or sigmoid in double precision, without overflow."""
    x = logits.astype(np.float64)
    if task_type == "multilabel":
        return np.exp(-np.logaddexp(0.0, -x))
    y = np.exp(x - x.max(axis=-1, keepdims=True))
    return y / y.sum(axis=-1, keepdims=True)


def average_views(
    logits: Float[np.ndarray, "views classes"],
    videos: Sequence[Hashable],
    views: Sequence[Hashable],
    *,
    task_type: ClassificationType = "multiclass",
) -> MergedScores:
    """Average the probabilities of all views of each video; a view given twice counts once.

    Views come twice where ranks were filled up to equal shares.

    Args:
        logits: Class scores of every view.
        videos: Which video each view is of: its full identity (`data.identity.identity`). The
            released code takes the file name up to its first dot, and so averages different videos.
        views: Which view of it, such as (clip, crop).
        task_type: How logits become probabilities.

    Raises:
        ValueError: Lengths differ, or a logit is not finite: the video is named.

    Source: engine_for_finetuning.py of the released code (softmax per view, mean, duplicates
        skipped).
    """
    _check_rows(logits, videos, views)
    first_rows = {(video, view): row for row, (video, view) in _enumerate_reversed(videos, views)}
    rows = np.array(sorted(first_rows.values()), dtype=np.int64)
    video_index: dict[Hashable, int] = {}
    row_video = np.array([video_index.setdefault(videos[i], len(video_index)) for i in rows], dtype=np.int64)
    total = np.zeros((len(video_index), logits.shape[1]))
    np.add.at(total, row_video, compute_probabilities(logits[rows], task_type))
    num_views = np.bincount(row_video, minlength=len(video_index))
    return MergedScores(tuple(video_index), total / num_views[:, None], num_views)


@dataclass(frozen=True, slots=True)
class ViewsAccuracy:
    """How often videos are told right with a part of the views."""

    num_clips: int
    num_crops: int
    accuracy: float

    @property
    def num_views(self) -> int:
        """Views per video."""
        return self.num_clips * self.num_crops


def compute_accuracy_by_views(
    probabilities: Float[np.ndarray, "videos clips crops classes"],
    labels: Int[np.ndarray, " videos"],
    *,
    k: int = 1,
) -> list[ViewsAccuracy]:
    """Top-k accuracy with 1 … all clips and 1 … all crops, taken evenly from those scored.

    One of them is the middle one. Fewer clips out of K stand where those of K stood, so a grid of
    fewer clips, scored anew, can differ a little.
    """
    clips, crops = probabilities.shape[1:3]
    accuracies = []
    for num_clips in range(1, clips + 1):
        for num_crops in range(1, crops + 1):
            subset = probabilities[:, choose_evenly(clips, num_clips)][:, :, choose_evenly(crops, num_crops)]
            hits = top_k_hits(subset.mean(axis=(1, 2)), labels, k=k)
            accuracies.append(ViewsAccuracy(num_clips, num_crops, float(hits.mean())))
    return accuracies


def choose_evenly(count: int, num_chosen: int) -> list[int]:
    """Choose ``num_chosen`` of 0 … count - 1, spread evenly around the middle."""
    return [((2 * i + 1) * count // num_chosen) // 2 for i in range(num_chosen)]


def _enumerate_reversed(
    videos: Sequence[Hashable], views: Sequence[Hashable]
) -> list[tuple[int, tuple[Hashable, Hashable]]]:
    """Numbered pairs from the last to the first, so that the first of equal ones stays."""
    return list(enumerate(zip(videos, views, strict=True)))[::-1]


def _check_rows(
    logits: Float[np.ndarray, "views classes"],
    videos: Sequence[Hashable],
    views: Sequence[Hashable],
) -> None:
    if not len(logits) == len(videos) == len(views):
        lengths = f"{len(logits)} logits, {len(videos)} videos, {len(views)} views"
        raise ValueError(f"{lengths}: wanted one of each per view")
    finite = np.isfinite(logits).all(axis=1)
    if not finite.all():
        raise ValueError(f"a score of {videos[int(finite.argmin())]} is not a finite number")
