"""Videos as people name them: files, folders and lines of standard input, in their order.

What is known to be unreadable keeps its place among the requests.
"""

import os
import select
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from videomae2.data.manifests.manifest import Entry
from videomae2.data.manifests.read import read_manifest
from videomae2.data.views.requests import ViewSpec, ViewsRequest
from videomae2.data.workers.worker import Result
from videomae2.errors import ManifestError, VideoError

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class VideoInput:
    """One video that is asked for."""

    entry: Entry
    frame_name: str | None = None
    """Template of the images, if it is a folder of them."""
    relative_path: str = ""
    """Where it lies in the folder that was named; "" if it was named itself."""


def expand_inputs(paths: Iterable[Path | str]) -> list[VideoInput]:
    """Turn paths into videos; whether a file can be read turns out when it is.

    Args:
        paths: Videos, and folders that are searched for videos or folders of frame images.

    Raises:
        ManifestError: A folder holds neither.
    """
    return [each for path in paths for each in _expand_path(os.fspath(path))]


def expand_lines(lines: Sequence[str]) -> list[VideoInput | VideoError]:
    """The same for lines of standard input, where a folder without videos stops nothing."""
    inputs: list[VideoInput | VideoError] = []
    for line in lines:
        try:
            inputs += _expand_path(line)
        except ManifestError as error:
            inputs.append(VideoError(line, str(error).removeprefix(f"{line}: ")))
    return inputs


def stream_lines(descriptor: int) -> Iterator[list[str]]:
    """Yield the lines of an open file as they come: those that are there, without empty ones.

    A program that writes a path and waits for its answer gets it before it writes the next one.
    """
    remainder = b""
    while True:
        data = os.read(descriptor, _CHUNK)  # waits for the first byte only
        while data and select.select([descriptor], [], [], 0)[0]:
            more = os.read(descriptor, _CHUNK)
            data += more
            if not more:
                break
        *complete, remainder = (remainder + data).split(b"\n")
        lines = [*complete, remainder] if not data else complete
        if paths := [os.fsdecode(line.rstrip(b"\r")) for line in lines if line.strip()]:
            yield paths
        if not data:
            return


def _expand_path(path: str) -> list[VideoInput]:
    path = os.path.expanduser(path)
    if not os.path.isdir(path):
        return [VideoInput(Entry(path, location=path))]
    manifest = read_manifest(path)
    return [
        VideoInput(entry, manifest.frame_name if entry.is_frames else None, below)
        for entry, below in zip(manifest, manifest.paths, strict=True)
    ]


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
