"""Cut the clips of windows out of a video that is read from first to last.

Only the frames that open windows need are kept, as small as the model sees them. Axes: windows;
frames of a clip.
"""

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Int64
from torch import Tensor

from videomae2.data.video.reader import Frames
from videomae2.data.views.scan import ScanPart
from videomae2.errors import VideoError

FrameClip = tuple[int, list[Tensor]]
"""The number of a window, and its frames."""


class ClipCutter:
    """Cuts windows, whose frame indices do not fall, by frames that ``prepare`` makes small."""

    def __init__(
        self,
        windows: Int64[np.ndarray, "windows frames"],
        prepare: Callable[[Frames], Tensor],
    ) -> None:
        self._pending, self._prepare = deque(windows.tolist()), prepare
        self._frames: dict[int, Tensor] = {}
        self._number = 0
        self.complete: list[int] = []
        """The windows that were cut, by their numbers."""
        self.error: VideoError | None = None
        """Why others were not."""

    def cut(self, parts: Iterator[ScanPart]) -> Iterator[list[FrameClip]]:
        """Give the clips that each part completes; a damaged frame costs its windows alone."""
        try:
            for part in parts:
                self.error = self.error or part.error
                if part.indices:
                    frames = self._prepare(part.frames)
                    self._frames.update(zip(part.indices, frames, strict=True))
                yield self._cut_until(part.last)
        except VideoError as error:
            self.error = self.error or error

    def _cut_until(self, last: int) -> list[FrameClip]:
        clips: list[FrameClip] = []
        while self._pending and self._pending[0][-1] <= last:
            indices = self._pending.popleft()
            if all(index in self._frames for index in indices):
                self.complete.append(self._number)
                clips.append((self._number, [self._frames[index] for index in indices]))
            self._number += 1
        first = self._pending[0][0] if self._pending else last + 1
        for dropped in [index for index in self._frames if index < first]:
            del self._frames[dropped]
        return clips
