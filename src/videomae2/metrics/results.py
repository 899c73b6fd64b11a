"""What an evaluation found, as values: nothing here is drawn or written.

Axes: videos = those that were scored, in the order of the list; outputs = classes, labels, numbers;
answered, numbers = the same two, or none where exactly one class is right.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from videomae2.metrics.bootstrap import Interval
from videomae2.metrics.calibration import Calibration


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputResult:
    """How well one class, label or number is told."""

    name: str
    videos: int
    """Of this class, with this label, or all for a number."""
    value: float
    """Accuracy, average precision or mean error; NaN without a video."""
    low: float
    high: float
    confused_with: str = ""
    """The class that its videos are most often taken for by mistake."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoResult:
    """What was said of one video."""

    video: str
    """Its identity."""
    row: int
    """Its place in the arrays."""
    truth: str
    predicted: str
    truth_score: float
    """Probability of the right class, or how far off numbers are on average."""
    predicted_score: float
    """Probability of the predicted class; NaN for numbers."""
    is_correct: bool


@dataclass(frozen=True, slots=True)
class ViewAblation:
    """The main number with a part of the views."""

    clips: int
    crops: int
    value: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EvalMetrics:
    """All numbers of one set of scores."""

    values: dict[str, Interval]
    """Named, the main one first; 95 % intervals over videos: bootstrap, or Wilson's of a share
    where all videos are right or none is. NaN where no video tells."""
    outputs: tuple[OutputResult, ...]
    confusion: Int64[np.ndarray, "outputs outputs"] | None = None
    """Row: the class; column: what it was taken for. Only where exactly one class is right."""
    calibration: Calibration | None = None
    """None for numbers, and for fewer than two videos."""
    view_ablation: tuple[ViewAblation, ...] = ()
    videos: tuple[VideoResult, ...]
    """The hardest first."""

    @property
    def main(self) -> tuple[str, Interval]:
        """The number by which the model is judged first."""
        return next(iter(self.values.items()))
