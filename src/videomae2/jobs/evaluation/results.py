"""What an evaluation found, as values: nothing here is drawn or written.

Axes: videos = those that were scored, in the order of the list; outputs = classes, labels, numbers;
answered, numbers = the same two, or none where exactly one class is right.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from videomae2.jobs.view_settings import ViewSettings
from videomae2.models.cards import Answers
from videomae2.tensors.calibration import Reliability
from videomae2.tensors.intervals import Interval


@dataclass(frozen=True, slots=True)
class Draw:
    """How many samples of videos are drawn for an interval, and which."""

    rounds: int
    seed: int


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
    taken_for: str = ""
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
    right: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """How far the probabilities can be believed."""

    reliability: Reliability
    error: Interval
    """Expected calibration error (ECE), 15 bins."""
    log_loss: float
    temperature: float
    """Fitted on these same videos."""
    at_limit: bool
    """There is no best temperature: everything is right, or worse than a guess."""
    error_after: float
    """ECE with each half of the videos rescaled by the temperature of the other half."""
    log_loss_after: float
    """The same of the log loss."""


@dataclass(frozen=True, slots=True)
class ByViews:
    """The main number with a part of the views."""

    clips: int
    crops: int
    value: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Measures:
    """All numbers of one set of scores."""

    numbers: dict[str, Interval]
    """Named, the main one first; 95 % intervals over videos: bootstrap, or Wilson's of a share
    where all videos are right or none is. NaN where no video tells."""
    outputs: tuple[OutputResult, ...]
    confusion: Int64[np.ndarray, "outputs outputs"] | None
    """Row: the class; column: what it was taken for. Only where exactly one class is right."""
    calibration: Calibration | None
    """None for numbers, and for fewer than two videos."""
    by_views: tuple[ByViews, ...]
    videos: tuple[VideoResult, ...]
    """The hardest first."""

    @property
    def main(self) -> tuple[str, Interval]:
        """The number by which the model is judged first."""
        return next(iter(self.numbers.items()))


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFacts:
    """Which model was judged."""

    path: Path
    """Folder of a saved model, or a released file."""
    why: str
    weights: str
    digest: str
    """Names its weights, and the names and outputs that were asked for."""
    outputs: str
    """How many of its outputs are used, in words."""
    size: str
    parameters: int
    clip: str
    """Frames x height x width."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What its card says about where it comes from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What it took, in this call alone."""

    scored: int
    """Videos scored in this call; the others were finished before."""
    decodings: int
    """Times that a video was opened and decoded for views."""
    reopened: int
    """Videos that were opened once more to show frames of them, being scored in an earlier call."""
    frames: int
    """Frames that were read for views."""
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Evaluation:
    """How well a classifier does on a list of videos."""

    model: ModelFacts
    videos: str
    """The list."""
    origin: str
    """What the list was read as."""
    names_from: str
    answers: Answers
    classes: tuple[str, ...]
    views: ViewSettings
    device: str
    listed: int
    """Videos in the list."""
    measures: Measures
    probabilities: Float64[np.ndarray, "videos outputs"]
    """Mean over the views of each video that was scored; of numbers, the mean number."""
    truth: Float64[np.ndarray, "answered numbers"]
    """The right labels or numbers of the same videos; empty where one class is right."""
    identities: tuple[str, ...]
    """The videos that were scored."""
    unreadable: dict[str, str]
    """Why videos could not be read, by identity."""
    work: Work
    strips: dict[int, bytes]
    """A few frames as JPEG of those videos that the page shows, by row."""
    folder: Path
    """Where everything was written."""

    @property
    def report(self) -> Path:
        """The page that shows it all."""
        return self.folder / "report.html"
