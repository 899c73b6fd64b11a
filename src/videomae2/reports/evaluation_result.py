"""What an evaluation found, as values: nothing here is drawn or written.

Axes: videos = those that were scored, in the order of the list; outputs = classes, labels, numbers;
answered, numbers = the same two, or none where exactly one class is right.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from videomae2.data.views.requests import ViewSpec
from videomae2.inference.score_list import ScoringStats
from videomae2.metrics.bootstrap import Interval
from videomae2.metrics.calibration import Calibration
from videomae2.models.task_type import TaskType

REPORT_FILE = "report.html"


@dataclass(frozen=True, slots=True)
class OutputResult:
    """How well one class, label or number is told."""

    name: str
    videos: int
    """Of this class, with this label, or all for a number."""
    value: float
    """Accuracy, average precision or mean error; NaN without a video."""
    low: float = math.nan
    high: float = math.nan
    confused_with: str = ""
    """The class that its videos are most often taken for by mistake."""

    @classmethod
    def from_interval(
        cls, name: str, videos: int, interval: Interval, confused_with: str = ""
    ) -> "OutputResult":
        value, low, high = interval.value, interval.low, interval.high
        return cls(name, videos, value, low, high, confused_with)


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
    """Of numbers: whether the error is below the median."""
    target: tuple[float, ...] = ()
    """The right numbers, where numbers are predicted."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFacts:
    """Which model was judged."""

    path: Path
    """Folder of a saved model, or a released file."""
    selection_reason: str
    weights: str
    digest: str
    """Names its weights, and the names and outputs that were asked for."""
    outputs_summary: str
    """How many of its outputs are used, in words."""
    size: str
    parameters: int
    clip: str
    """Frames x height x width."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """What its card says about where it comes from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineRow:
    """What something simpler reaches on the same videos."""

    name: str
    accuracy: Interval
    difference: Interval
    """The model's accuracy minus this one, video by video."""
    num_videos: int
    """Those that both could read, of which the difference is."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Evaluation:
    """How well a classifier does on a list of videos."""

    model: ModelFacts
    videos: str
    """The list."""
    description: str
    """What the list was read as."""
    class_names_source: str
    task_type: TaskType
    classes: tuple[str, ...]
    views: ViewSpec
    device: str
    num_listed: int
    metrics: EvalMetrics
    probabilities: Float64[np.ndarray, "videos outputs"]
    """Mean over the views of each video that was scored; of numbers, the mean number."""
    targets: Float64[np.ndarray, "answered numbers"]
    """The right labels or numbers of the same videos; empty where one class is right."""
    identities: tuple[str, ...]
    unreadable: dict[str, str]
    """Why videos could not be read, by identity."""
    run_stats: ScoringStats
    filmstrips: dict[int, bytes]
    """A few frames as JPEG of those videos that the page shows, by row."""
    folder: Path
    baselines: tuple[BaselineRow, ...] = ()
    """What stands beside the model, where that was asked for."""

    @property
    def report(self) -> Path:
        return self.folder / REPORT_FILE
