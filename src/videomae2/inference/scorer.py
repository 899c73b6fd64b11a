"""Scores of views of whole videos, for evaluation and prediction alike.

Axes: union = the different frames of all clips of a video; views; frames of a clip; height, width,
channels; outputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from videomae2.data.views.resize import ResizedVideo, resize_to_cover
from videomae2.inference.cpu_parallel import map_on_threads
from videomae2.models.classifier import Classifier
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.tasks.classify import ClassifyConfig, ClassifyTask
from videomae2.tensors.clips import Clips
from videomae2.training.runtime import Runtime

ViewScores = Float32[np.ndarray, "views outputs"]
"""Before softmax or sigmoid."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewScorer:
    """A classifier that looks at views of whole videos."""

    task: ClassifyTask
    runtime: Runtime
    antialias: bool
    """How frames are resized."""
    batch_size: int = 16
    """Views on the device at once."""

    def resize_video(self, arrays: Mapping[str, np.ndarray], *, crops: int) -> ResizedVideo:
        """The frames of a video on the device, ready to be cut.

        Args:
            arrays: ``frames`` and ``frame_index``, as ``read_views`` gives them.
            crops: Crops per clip.
        """
        cubes = self.task.model.cubes
        return resize_to_cover(
            arrays["frames"],
            arrays["frame_index"],
            (cubes.height, cubes.width),
            crops=crops,
            antialias=self.antialias,
            device=self.runtime.device,
        )

    def crop_center(
        self, frames: UInt8[np.ndarray, "frames height width channels"]
    ) -> UInt8[Tensor, "frames crop_height crop_width channels"]:
        """What a view with the middle crop shows of frames; shares no memory with them."""
        frame_index = np.arange(len(frames), dtype=np.int64)[None]
        return self.resize_video({"frames": frames, "frame_index": frame_index}, crops=1).cut_view(
            0
        )

    def score_video(self, video: ResizedVideo, views: Sequence[int]) -> ViewScores:
        """The scores of some views of a video, by their numbers."""
        parts = [
            views[first : first + self.batch_size]
            for first in range(0, len(views), self.batch_size)
        ]
        scores = [
            self.score_views(torch.stack([video.cut_view(i) for i in part])) for part in parts
        ]
        return np.concatenate(scores)

    def score_views(
        self, pixels: UInt8[Tensor, "views frames height width channels"]
    ) -> ViewScores:
        """The scores of views that are on the device."""
        if pixels.device.type != "cpu":
            return self._score_batch(pixels)
        return np.concatenate(map_on_threads(self._score_batch, pixels))

    @torch.inference_mode()
    def _score_batch(self, pixels: Tensor) -> ViewScores:
        with self.runtime.autocast():
            scores = self.task.predict(_build_clips(pixels))
        result: ViewScores = scores.float().cpu().numpy()
        return result


def build_task(model: Classifier, config: SavedClassifierConfig, runtime: Runtime) -> ClassifyTask:
    """A saved model on its device, as it answers."""
    task_config = ClassifyConfig(task_type=config.task_type)
    task = ClassifyTask(
        model, task_config, target_scaler=config.target_scaler, mean=config.mean, std=config.std
    )
    return task.to(runtime.device).eval()


def _build_clips(pixels: Tensor) -> Clips:
    """Views as a task takes them; it draws nothing and all of them count."""
    zeros = torch.zeros(len(pixels), dtype=torch.int64, device=pixels.device)
    return Clips(pixels, zeros, torch.ones(len(pixels), device=pixels.device))
