"""Requests for videos as people name them, with what is known to be unreadable in its place."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from videomae2.data.answers import Answer
from videomae2.data.view_reading import GridShape, ViewsRequest
from videomae2.errors import VideoError
from videomae2.jobs.video_inputs import Input, find_inputs


@dataclass(slots=True)
class Waiting:
    """Requests on their way, and among them the videos that are known to be unreadable.

    Raises ManifestError where a folder holds no video, when its turn comes.
    """

    videos: Iterable[Path | str | Input | VideoError]
    """Files; folders stand for the videos in them."""
    shape: GridShape
    """The clips of each."""
    queue: list[ViewsRequest | VideoError] = field(default_factory=list)

    def requests(self) -> Iterator[ViewsRequest]:
        """What is to be read, taken as far ahead as the pool likes."""
        for video in self.videos:
            if isinstance(video, VideoError):
                self.queue.append(video)
                continue
            for each in [video] if isinstance(video, Input) else find_inputs([video]):
                shape = replace(self.shape, frame_name=each.frame_name)
                request = ViewsRequest(each.entry, shape)
                self.queue.append(request)
                yield request

    def known(self) -> Iterator[VideoError]:
        """The unreadable ones whose turn it is."""
        while self.queue and isinstance(error := self.queue[0], VideoError):
            self.queue.pop(0)
            yield error

    def passed(self, answer: Answer[ViewsRequest]) -> None:
        """Note that a video has had its turn."""
        assert self.queue.pop(0) is answer.request
