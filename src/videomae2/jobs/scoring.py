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

from videomae2.data.view_making import CoveredVideo, Shrinking, cover
from videomae2.engine.cores import on_cores
from videomae2.engine.runtime import Runtime
from videomae2.models.cards import ClassifierCard
from videomae2.models.classifier import Classifier
from videomae2.tasks.classify import ClassifyConfig, ClassifyTask
from videomae2.tensors.clips import Clips

Scores = Float32[np.ndarray, "views outputs"]
"""Before softmax or sigmoid."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scorer:
    """A classifier that looks at views of whole videos."""

    task: ClassifyTask
    runtime: Runtime
    shrinking: Shrinking
    """How frames are resized."""
    batch: int = 16
    """Views on the device at once."""

    def covered(self, arrays: Mapping[str, np.ndarray], *, crops: int) -> CoveredVideo:
        """The frames of a video on the device, ready to be cut.

        Args:
            arrays: ``frames`` and ``place``, as ``read_views`` gives them.
            crops: Crops per clip.
        """
        cubes = self.task.model.cubes
        return cover(
            arrays["frames"],
            arrays["place"],
            (cubes.height, cubes.width),
            crops=crops,
            shrinking=self.shrinking,
            device=self.runtime.device,
        )

    def middles(
        self, frames: UInt8[np.ndarray, "frames height width channels"]
    ) -> UInt8[Tensor, "frames crop_height crop_width channels"]:
        """What a view with the middle crop shows of frames; shares no memory with them."""
        place = np.arange(len(frames), dtype=np.int64)[None]
        return self.covered({"frames": frames, "place": place}, crops=1).view(0)

    def of_video(self, video: CoveredVideo, views: Sequence[int]) -> Scores:
        """The scores of some views of a video, by their numbers."""
        parts = [views[first : first + self.batch] for first in range(0, len(views), self.batch)]
        found = [self.of_views(torch.stack([video.view(i) for i in part])) for part in parts]
        return np.concatenate(found)

    def of_views(self, pixels: UInt8[Tensor, "views frames height width channels"]) -> Scores:
        """The scores of views that are on the device."""
        if pixels.device.type != "cpu":
            return self._of(pixels)
        return np.concatenate(on_cores(self._of, pixels))

    @torch.inference_mode()
    def _of(self, pixels: Tensor) -> Scores:
        with self.runtime.autocast():
            scores = self.task.predict(_clips(pixels))
        found: Scores = scores.float().cpu().numpy()
        return found


def ready(model: Classifier, card: ClassifierCard, runtime: Runtime) -> ClassifyTask:
    """A saved model on its device, as it answers."""
    config = ClassifyConfig(answers=card.answers)
    task = ClassifyTask(model, config, numbers=card.numbers, mean=card.mean, std=card.std)
    return task.to(runtime.device).eval()


def _clips(pixels: Tensor) -> Clips:
    """Views as a task takes them; it draws nothing and all of them count."""
    none = torch.zeros(len(pixels), dtype=torch.int64, device=pixels.device)
    return Clips(pixels, none, torch.ones(len(pixels), device=pixels.device))
