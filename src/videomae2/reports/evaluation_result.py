"""What an evaluation found, as values: nothing here is drawn or written.

Axes: videos = those that were scored, in the order of the list; outputs = classes, labels, numbers;
answered, numbers = the same two, or none where exactly one class is right.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from videomae2.data.views.requests import ViewSpec
from videomae2.inference.score_list import ScoringStats
from videomae2.metrics.results import EvalMetrics
from videomae2.models.task_type import TaskType


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
    """Videos in the list."""
    metrics: EvalMetrics
    probabilities: Float64[np.ndarray, "videos outputs"]
    """Mean over the views of each video that was scored; of numbers, the mean number."""
    targets: Float64[np.ndarray, "answered numbers"]
    """The right labels or numbers of the same videos; empty where one class is right."""
    identities: tuple[str, ...]
    """The videos that were scored."""
    unreadable: dict[str, str]
    """Why videos could not be read, by identity."""
    run_stats: ScoringStats
    filmstrips: dict[int, bytes]
    """A few frames as JPEG of those videos that the page shows, by row."""
    folder: Path
    """Where everything was written."""

    @property
    def report(self) -> Path:
        """The page that shows it all."""
        return self.folder / "report.html"
