"""How well scores tell classes: top-k, confusions, average precision, what views add.

NumPy only. Axes: videos, classes; views, clips, crops. Labels are classes, counted from 0.

Ties. A label that shares its score with others counts for the share of orders among them in which
it is within the k best: a model that says the same about every class has k / classes right, not
everything and not nothing. Where one class must be named (``predict_classes``), it is the first of
them.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int64


def top_k_hits(
    scores: Float[np.ndarray, "videos classes"], labels: Int[np.ndarray, " videos"], *, k: int
) -> Float64[np.ndarray, " videos"]:
    """Whether the label is among the k best scores: 0 or 1, or a share where scores are tied.

    With no more than k classes every video is a hit.

    Raises:
        ValueError: No video, a label without a score, a score that is not finite, or k below 1.
    """
    check_scores(scores, labels)
    if k < 1:
        raise ValueError(f"k is {k}, wanted 1 or more")
    label_scores = scores[np.arange(len(labels)), labels][:, None]
    better = (scores > label_scores).sum(axis=1)
    tied = (scores == label_scores).sum(axis=1)
    return np.clip((k - better) / tied, 0.0, 1.0)


def top_k_accuracy(
    scores: Float[np.ndarray, "videos classes"], labels: Int[np.ndarray, " videos"], *, k: int = 1
) -> float:
    """The share of videos whose label is among the k best scores."""
    return float(top_k_hits(scores, labels, k=k).mean())


def per_class_mean(
    values: Float[np.ndarray, " videos"], labels: Int[np.ndarray, " videos"], num_classes: int
) -> Float64[np.ndarray, " classes"]:
    """The mean of a value, such as hits, over the videos of each class; NaN without a video."""
    count = np.bincount(labels, minlength=num_classes)
    total = np.bincount(labels, weights=values, minlength=num_classes)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def mean_class_accuracy(
    scores: Float[np.ndarray, "videos classes"], labels: Int[np.ndarray, " videos"], *, k: int = 1
) -> float:
    """The mean of the accuracies of all classes that have a video, each class counting alike."""
    hits = top_k_hits(scores, labels, k=k)
    return float(np.nanmean(per_class_mean(hits, labels, scores.shape[1])))


def predict_classes(scores: Float[np.ndarray, "videos classes"]) -> Int64[np.ndarray, " videos"]:
    """The class of the best score; the first of equals."""
    return scores.argmax(axis=1).astype(np.int64)


def confusion_matrix(
    scores: Float[np.ndarray, "videos classes"], labels: Int[np.ndarray, " videos"]
) -> Int64[np.ndarray, "classes classes"]:
    """How many videos of class i (row) were taken for class j (column)."""
    check_scores(scores, labels)
    num_classes = scores.shape[1]
    pairs = labels * num_classes + predict_classes(scores)
    return np.bincount(pairs, minlength=num_classes * num_classes).reshape(num_classes, num_classes)


def list_confusions(
    confusion: Int64[np.ndarray, "classes classes"], max_rows: int
) -> list[tuple[int, int, int]]:
    """(class, taken for, videos) of the most frequent mistakes, at most ``max_rows`` of them."""
    mistakes = confusion * (1 - np.eye(len(confusion), dtype=np.int64))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:max_rows]
    rows, columns = np.unravel_index(order, confusion.shape)
    confusions = zip(rows.tolist(), columns.tolist(), mistakes[rows, columns].tolist(), strict=True)
    return [one for one in confusions if one[2]]


def hardest_samples(
    probabilities: Float[np.ndarray, "videos classes"], labels: Int[np.ndarray, " videos"]
) -> Int64[np.ndarray, " videos"]:
    """All videos, those first whose own class got the least probability; ties keep their order."""
    check_scores(probabilities, labels)
    label_probabilities = probabilities[np.arange(len(labels)), labels]
    return np.argsort(label_probabilities, kind="stable").astype(np.int64)


def check_scores(
    scores: Float[np.ndarray, "videos classes"], labels: Int[np.ndarray, " videos"]
) -> None:
    """Refuse what no measure can be taken of.

    Raises:
        ValueError: No video, another number of labels, a label without a score, or a score that
            is not finite: it would compare as neither better nor worse.
    """
    if len(labels) == 0 or len(labels) != len(scores):
        raise ValueError(f"{len(scores)} rows of scores and {len(labels)} labels, wanted as many")
    if labels.min() < 0 or labels.max() >= scores.shape[1]:
        span = f"{labels.min()} to {labels.max()}"
        raise ValueError(f"labels are {span}, but there are {scores.shape[1]} classes, from 0")
    if not np.isfinite(scores).all():
        row = int(np.isfinite(scores).all(axis=1).argmin())
        raise ValueError(f"row {row} of the scores holds a value that is not finite")


def average_precision(
    scores: Float[np.ndarray, " videos"], positive: Bool[np.ndarray, " videos"]
) -> float:
    """The area under the steps of precision over recall; NaN if no video is positive.

    That is the sum over thresholds of (gain in recall) times (precision there), without
    interpolation. Videos of equal score pass a threshold together, so their order has no effect.

    Raises:
        ValueError: A score is not finite.

    Source: the definition of scikit-learn's average_precision_score.
    """
    if not np.isfinite(scores).all():
        raise ValueError("a score is not finite")
    if not positive.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    true_positives = np.cumsum(positive[order])
    is_last_of_ties = np.append(np.diff(scores[order]) != 0, True)
    thresholds = np.flatnonzero(is_last_of_ties)
    precision = true_positives[thresholds] / (thresholds + 1)
    gain = np.diff(true_positives[thresholds], prepend=0) / true_positives[-1]
    return float((gain * precision).sum())


def average_precision_per_class(
    scores: Float[np.ndarray, "videos classes"], positive: Bool[np.ndarray, "videos classes"]
) -> Float64[np.ndarray, " classes"]:
    """The average precision of every class; NaN for those without a positive video."""
    pairs = zip(scores.T, positive.T, strict=True)
    return np.array([average_precision(one, is_in) for one, is_in in pairs])


def mean_average_precision(
    scores: Float[np.ndarray, "videos classes"], positive: Bool[np.ndarray, "videos classes"]
) -> float:
    """The mean over all classes that have a positive video (mAP).

    Raises:
        ValueError: No class has one, or a score is not finite.
    """
    if not positive.any():
        raise ValueError("no video has any class: there is no average precision")
    return float(np.nanmean(average_precision_per_class(scores, positive)))


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
        videos: Which video each view is of: its full identity, not its name. The
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
    row_video = np.array(
        [video_index.setdefault(videos[i], len(video_index)) for i in rows], dtype=np.int64
    )
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
            subset = probabilities[:, choose_evenly(clips, num_clips)][
                :, :, choose_evenly(crops, num_crops)
            ]
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
