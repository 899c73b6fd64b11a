"""How well scores tell classes: top-k, confusions, average precision.

Axes: videos, classes; views. Labels are classes, counted from 0.

Of equal scores the first class is ahead, in every number here: scikit-learn predicts by that rule,
but its top_k_accuracy_score has the last one ahead, and hits would not be the confusions' diagonal.
"""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int64


def top_k_hits(
    scores: Float[np.ndarray, "videos classes"], labels: Int[np.ndarray, " videos"], *, k: int
) -> Float64[np.ndarray, " videos"]:
    """1 where the label is among the k best scores, else 0.

    With no more than k classes every video is a hit.

    Raises:
        ValueError: No video, a label without a score, a score that is not finite, or k below 1.
    """
    check_scores(scores, labels)
    if k < 1:
        raise ValueError(f"k is {k}, wanted 1 or more")
    label_scores = scores[np.arange(len(labels)), labels][:, None]
    is_earlier = np.arange(scores.shape[1]) < labels[:, None]
    ahead = (scores > label_scores) | ((scores == label_scores) & is_earlier)
    return (ahead.sum(axis=1) < k).astype(np.float64)


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
    scores: Float[np.ndarray, "videos classes"], labels: Int[np.ndarray, " videos"]
) -> float:
    """The mean accuracy of the classes that have a video, each counting alike."""
    hits = top_k_hits(scores, labels, k=1)
    return float(np.nanmean(per_class_mean(hits, labels, scores.shape[1])))


def predict_classes(scores: Float[np.ndarray, "videos classes"]) -> Int64[np.ndarray, " videos"]:
    """The class of the best score; the first of equals."""
    return scores.argmax(axis=1).astype(np.int64)


def confusion_matrix(
    scores: Float[np.ndarray, "videos classes"], labels: Int[np.ndarray, " videos"]
) -> Int64[np.ndarray, "classes classes"]:
    """How many videos of class i (row) were taken for class j (column)."""
    from sklearn import metrics

    check_scores(scores, labels)
    classes = np.arange(scores.shape[1])
    return metrics.confusion_matrix(labels, predict_classes(scores), labels=classes)


def list_confusions(
    confusion: Int64[np.ndarray, "classes classes"], max_rows: int
) -> list[tuple[int, int, int]]:
    """(class, taken for, videos) of the most frequent mistakes, at most ``max_rows`` of them."""
    mistakes = confusion * (1 - np.eye(len(confusion), dtype=np.int64))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:max_rows]
    rows, columns = np.unravel_index(order, confusion.shape)
    counts = mistakes[rows, columns].tolist()
    confusions = zip(rows.tolist(), columns.tolist(), counts, strict=True)
    return [confusion for confusion in confusions if confusion[2]]


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
    """Refuse what no measure can be taken of, as a score that compares as neither better nor worse.

    Raises:
        ValueError: No video, another number of labels, a label without a score, or a score that is
            not finite.
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

    Source: the definition of scikit-learn's average_precision_score, which takes ten times as long
        for the few videos of a bootstrap sample.
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
    return np.array([average_precision(*pair) for pair in zip(scores.T, positive.T, strict=True)])


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


def compute_probabilities(
    logits: Float[np.ndarray, "*batch classes"], task_type: ClassificationType = "multiclass"
) -> Float64[np.ndarray, "*batch classes"]:
    """Softmax or sigmoid in double precision, without overflow."""
    x = logits.astype(np.float64)
    if task_type == "multilabel":
        return np.exp(-np.logaddexp(0.0, -x))
    y = np.exp(x - x.max(axis=-1, keepdims=True))
    return y / y.sum(axis=-1, keepdims=True)


def choose_evenly(count: int, num_chosen: int) -> list[int]:
    """Choose ``num_chosen`` of 0 … count - 1, spread evenly around the middle."""
    return [((2 * i + 1) * count // num_chosen) // 2 for i in range(num_chosen)]
