"""How often scores name the right class: top-k, per class, confusions, hardest videos.

NumPy only. Axes: videos, classes. Labels are classes, counted from 0.

Ties. A label that shares its score with others counts for the share of orders among them in which
it is within the k best: a model that says the same about every class has k / classes right, not
everything and not nothing. Where one class must be named (`predicted`), it is the first of them.
"""

import numpy as np
from jaxtyping import Float, Float64, Int, Int64


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
