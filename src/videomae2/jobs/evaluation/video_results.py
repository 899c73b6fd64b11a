"""What was said of each video, the hardest first, whatever the outputs mean.

Axes: videos; outputs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64

from videomae2.jobs.evaluation.results import VideoResult
from videomae2.models.cards import Answers
from videomae2.tensors import accuracy


@dataclass(frozen=True, slots=True, eq=False)
class Right:
    """The right answers of the videos that were scored."""

    answers: Answers
    classes: Sequence[str]
    identities: Sequence[str]
    labels: Int64[np.ndarray, " labelled"]
    """Where one class is right; else empty."""
    targets: Float64[np.ndarray, "answered outputs"]
    """Where any number of classes, or numbers, are; else empty."""

    def of(self, rows: Sequence[int]) -> "Right":
        """Those of some of the videos."""
        return replace(
            self,
            identities=[self.identities[row] for row in rows],
            labels=self.labels[list(rows)] if len(self.labels) else self.labels,
            targets=self.targets[list(rows)] if len(self.targets) else self.targets,
        )


def videos_of(found: Float64[np.ndarray, "videos outputs"], right: Right) -> Iterator[VideoResult]:
    """What was said of each video.

    Args:
        found: The answers, with the mean over all views taken.
        right: The right ones.
    """
    ways = {
        "one-class": one_class_videos,
        "many-classes": many_classes_videos,
        "numbers": number_videos,
    }
    return ways[right.answers](found, right)


def one_class_videos(
    found: Float64[np.ndarray, "videos outputs"], right: Right
) -> Iterator[VideoResult]:
    """Those first whose right class got the least probability."""
    told = accuracy.predicted(found)
    for row in accuracy.hardest(found, right.labels).tolist():
        label, best = int(right.labels[row]), int(told[row])
        yield VideoResult(
            video=right.identities[row],
            row=row,
            truth=right.classes[label],
            predicted=right.classes[best],
            truth_score=float(found[row, label]),
            predicted_score=float(found[row, best]),
            right=label == best,
        )


def many_classes_videos(
    found: Float64[np.ndarray, "videos outputs"], right: Right
) -> Iterator[VideoResult]:
    """Those first whose labels as a whole got the least probability."""
    positive = right.targets > 0.5
    own = np.where(positive, found, 1 - found)
    typical = np.exp(np.log(np.maximum(own, 1e-12)).mean(axis=1))
    for row in np.argsort(typical, kind="stable").tolist():
        said = found[row] > 0.5
        yield VideoResult(
            video=right.identities[row],
            row=row,
            truth=_joined(right.classes, positive[row]),
            predicted=_joined(right.classes, said),
            truth_score=float(typical[row]),
            predicted_score=float(found[row].max()),
            right=bool((said == positive[row]).all()),
        )


def number_videos(
    found: Float64[np.ndarray, "videos outputs"], right: Right
) -> Iterator[VideoResult]:
    """The worst first; the half that is better than the median counts as right."""
    wide = np.abs(found - right.targets).mean(axis=1)
    middle = np.median(wide)
    for row in np.argsort(-wide, kind="stable").tolist():
        yield VideoResult(
            video=right.identities[row],
            row=row,
            truth=_text(right.targets[row]),
            predicted=_text(found[row]),
            truth_score=float(wide[row]),
            predicted_score=float("nan"),
            right=bool(wide[row] < middle),
        )


def _joined(names: Sequence[str], chosen: np.ndarray) -> str:
    return ", ".join(names[i] for i in np.flatnonzero(chosen).tolist()) or "none"


def _text(values: np.ndarray) -> str:
    shown = ", ".join(f"{value:.4g}" for value in values[:4])
    return shown + (", …" if len(values) > 4 else "")
