"""Score views of whole videos, for evaluation, prediction and time lines alike.

Axes: union = the different frames of all clips of a video; views; frames of a clip; height, width,
channels; outputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.views.read import READ_VIEWS
from videomae2.data.views.requests import ViewSpec
from videomae2.data.views.resize import ResizedVideo, iterate_view_batches, resize_to_cover
from videomae2.data.workers.pool import Pool
from videomae2.inference.classifier import LoadedClassifier, ViewScores
from videomae2.inference.cpu_parallel import map_on_threads
from videomae2.tensors.clips import Clips
from videomae2.training.runtime import resolve_num_workers


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoScorer:
    """A classifier that looks at views of whole videos, and how they are read."""

    classifier: LoadedClassifier
    views: ViewSpec
    reading: ReadingConfig
    batch_size: int = 16
    """Views on the device at once."""

    @property
    def videos_per_batch(self) -> int:
        return max(1, self.batch_size // self.views.num_views)

    def make_pool(self) -> Pool:
        runtime = self.classifier.runtime
        num_workers = resolve_num_workers(self.reading.num_workers, runtime)
        return self.reading.pool(READ_VIEWS, num_workers=num_workers)

    def resize_video(
        self, arrays: Mapping[str, np.ndarray], *, crops: int | None = None
    ) -> ResizedVideo:
        """What ``read_views`` gave of a video, on the device, ready to be cut."""
        cubes = self.classifier.task.model.cubes
        return resize_to_cover(
            arrays["frames"],
            arrays["frame_index"],
            (cubes.height, cubes.width),
            crops=crops or self.views.crops,
            antialias=self.views.antialias,
            device=self.classifier.runtime.device,
        )

    def crop_center(
        self, frames: UInt8[np.ndarray, "frames height width channels"]
    ) -> UInt8[Tensor, "frames crop_height crop_width channels"]:
        """What a view with the middle crop shows of frames; shares no memory with them."""
        frame_index = np.arange(len(frames), dtype=np.int64)[None]
        arrays = {"frames": frames, "frame_index": frame_index}
        return self.resize_video(arrays, crops=1).cut_view(0)

    def score_videos(self, videos: list[ResizedVideo | None]) -> list[ViewScores]:
        """The scores of all views of some videos, of which one at least is there."""
        num_views = self.views.num_views
        batches = iterate_view_batches(videos, num_views, batch_size=self.batch_size)
        all_scores = np.concatenate([self.score_views(pixels) for pixels in batches])
        return list(all_scores.reshape(len(videos), num_views, -1))

    def score_video(self, video: ResizedVideo, views: Sequence[int]) -> ViewScores:
        """The scores of some views of a video, by their numbers."""
        firsts = range(0, len(views), self.batch_size)
        parts = [views[first : first + self.batch_size] for first in firsts]
        return np.concatenate(
            [self.score_views(torch.stack([video.cut_view(i) for i in part])) for part in parts]
        )

    def score_views(
        self, pixels: UInt8[Tensor, "views frames height width channels"]
    ) -> ViewScores:
        """The scores of views that are on the device; on a CPU some on each core."""
        if pixels.device.type != "cpu":
            return self._score_batch(pixels)
        return np.concatenate(map_on_threads(self._score_batch, pixels))

    @torch.inference_mode()
    def _score_batch(self, pixels: Tensor) -> ViewScores:
        # a task takes clips with the key of their draws and their weight: none is drawn, all count
        keys = torch.zeros(len(pixels), dtype=torch.int64, device=pixels.device)
        clips = Clips(pixels, keys, torch.ones(len(pixels), device=pixels.device))
        with self.classifier.runtime.autocast():
            scores = self.classifier.task.predict(clips)
        return scores.float().cpu().numpy()
