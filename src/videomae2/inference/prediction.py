"""What a model says of a whole video, or of a window of a stream.

Axis: outputs = classes or numbers.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from videomae2.models.task_type import ClassScore, LabelSpace, find_active_classes, rank_topk


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prediction:
    """What a model says of a whole video."""

    video: str
    scores: Float64[np.ndarray, " outputs"]
    """Mean over the views: a probability for each class, or numbers."""
    outputs: LabelSpace
    views: int
    """Clips times crops, as in evaluation."""
    num_unique_views: int
    """Views that differ, so that the model looked at them."""
    num_frames: int
    length_seconds: float | None
    """None if the video has no clock."""

    def topk(self, count: int = 5) -> list[ClassScore]:
        """The most probable classes; all numbers of a model that predicts numbers."""
        return rank_topk(self.scores, self.outputs, count)

    def active_classes(self, threshold: float | None = None) -> list[ClassScore]:
        """The class that holds, or of many those that do (from 0.5 if no threshold is given)."""
        return find_active_classes(self.scores, self.outputs, self.outputs.get_threshold(threshold))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class WindowPrediction:
    """What a model says of a window of a stream."""

    start_seconds: float
    stop_seconds: float
    """From the first frame of the stream on."""
    scores: Float64[np.ndarray, " outputs"]
    """A probability for each class, or numbers."""
    outputs: LabelSpace

    def topk(self, count: int = 5) -> list[ClassScore]:
        """The most probable classes; all numbers of a model that predicts numbers."""
        return rank_topk(self.scores, self.outputs, count)

    def active_classes(self, threshold: float | None = None) -> list[ClassScore]:
        """The class that holds, or of many those that do (from 0.5 if no threshold is given)."""
        return find_active_classes(self.scores, self.outputs, self.outputs.get_threshold(threshold))
