"""Cut the clips of windows out of a video that is read from first to last."""

from collections import deque
from collections.abc import Iterator

import torch
from torch import Tensor

from videomae2.data.video.trim import fit_channels
from videomae2.data.views.scan import ScanPart
from videomae2.data.views.sliding import SlidingWindows
from videomae2.errors import VideoError
from videomae2.inference.predictor import Predictor


class ClipCutter:
    """Cuts the clips of windows out of a video that is read from first to last."""

    def __init__(self, predictor: Predictor, windows: SlidingWindows) -> None:
        self._scorer, self._pending = predictor.scorer, deque(windows.frames.tolist())
        self._frames: dict[int, Tensor] = {}
        self._number = 0
        self.complete: list[int] = []
        """The windows that were cut, by their numbers."""
        self.error: VideoError | None = None
        """Why others were not."""

    def cut(self, parts: Iterator[ScanPart]) -> Iterator[tuple[Tensor, int]]:
        """Give clips with the numbers of their windows; a damaged frame costs its windows alone."""
        try:
            for part in parts:
                self.error = self.error or part.error
                if part.indices:
                    frames = fit_channels("", part.frames, self._scorer.views.channels)
                    cropped = self._scorer.crop_center(frames)
                    self._frames.update(zip(part.indices, cropped, strict=True))
                yield from self._cut_until(part.last)
        except VideoError as error:
            self.error = self.error or error

    def _cut_until(self, last: int) -> Iterator[tuple[Tensor, int]]:
        while self._pending and self._pending[0][-1] <= last:
            indices = self._pending.popleft()
            if all(index in self._frames for index in indices):
                self.complete.append(self._number)
                yield torch.stack([self._frames[index] for index in indices]), self._number
            self._number += 1
        first = self._pending[0][0] if self._pending else last + 1
        for dropped in [index for index in self._frames if index < first]:
            del self._frames[dropped]
