"""Requests for videos as people name them, with what is known to be unreadable in its place."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from videomae2.data.answers import Result
from videomae2.data.view_reading import ViewSpec, ViewsRequest
from videomae2.errors import VideoError
from videomae2.jobs.video_inputs import VideoInput, expand_inputs


@dataclass(slots=True)
class RequestQueue:
    """Requests on their way, and among them the videos that are known to be unreadable.

    Raises ManifestError where a folder holds no video, when its turn comes.
    """

    videos: Iterable[Path | str | VideoInput | VideoError]
    """Files; folders stand for the videos in them."""
    spec: ViewSpec
    """The clips of each."""
    pending: list[ViewsRequest | VideoError] = field(default_factory=list)

    def iterate_requests(self) -> Iterator[ViewsRequest]:
        """What is to be read, taken as far ahead as the pool likes."""
        for video in self.videos:
            if isinstance(video, VideoError):
                self.pending.append(video)
                continue
            for each in [video] if isinstance(video, VideoInput) else expand_inputs([video]):
                spec = replace(self.spec, frame_name=each.frame_name)
                request = ViewsRequest(each.entry, spec)
                self.pending.append(request)
                yield request

    def pop_unreadable(self) -> Iterator[VideoError]:
        """The unreadable ones whose turn it is."""
        while self.pending and isinstance(error := self.pending[0], VideoError):
            self.pending.pop(0)
            yield error

    def pop_answered(self, result: Result[ViewsRequest]) -> None:
        """Note that a video has had its turn."""
        assert self.pending.pop(0) is result.request
