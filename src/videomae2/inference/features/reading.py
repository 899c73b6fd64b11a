"""Videos → clips: all views of each at once, or the windows of one that is read from end to end.

A scanned video is decoded once however much its windows overlap, by one process; each reading
process has a thread here that makes its frames small. What is ahead is bounded by parts of a video.

Axes: frames, height, width, channels.
"""

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.manifest import Entry
from videomae2.data.video.reader import Frames
from videomae2.data.video.trim import fit_channels
from videomae2.data.views.clip_cutter import ClipCutter
from videomae2.data.views.read import READ_VIEWS
from videomae2.data.views.requests import ViewSpec, ViewsRequest
from videomae2.data.views.resize import ImageSize, resize_to_cover
from videomae2.data.views.sampling import compute_duration
from videomae2.data.views.scan import SCAN_FUNCTION, ScanInfo, ScanRequest, iterate_scan, open_scan
from videomae2.data.views.window_grid import WindowGrid
from videomae2.data.workers.pool import Pool
from videomae2.errors import VideoError
from videomae2.inference.features.store import FeatureVideo, VideoTimes

Resize = Literal["cover", "squash"]
"""Until frames cover the clip, of which the middle is cut, antialiased and in whole numbers; or to
its size whatever their shape, bilinear without antialiasing and not rounded, as released ones."""


class ClipPart(NamedTuple):
    """The next clips of a video."""

    video: FeatureVideo
    clips: list[list[Tensor]]
    """Of frames [height, width, channels] on the device."""
    num_clips: int = 0
    """That the video has."""
    times: VideoTimes | None = None
    num_frames: int = 0
    """That were read for this part."""
    error: VideoError | None = None
    """Why there are no more."""


@runtime_checkable
class ClipReader(Protocol):
    """Reads the clips of videos."""

    def read(self, videos: Iterator[FeatureVideo]) -> Generator[ClipPart]:
        """Yield the parts of videos, which are taken as there is room; those of several may mix."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewReader:
    """Reads some clips of each video, in the order of the videos."""

    views: ViewSpec
    size: ImageSize
    reading: ReadingConfig
    num_workers: int
    device: torch.device

    def read(self, videos: Iterator[FeatureVideo]) -> Generator[ClipPart]:
        taken: list[FeatureVideo] = []

        def iterate_requests() -> Iterator[ViewsRequest]:
            for video in videos:
                taken.append(video)
                yield ViewsRequest(video.entry, self.views)

        with self.reading.pool(READ_VIEWS, num_workers=self.num_workers) as pool:
            for result in pool.map(iterate_requests()):
                video = taken.pop(0)
                if result.arrays is None:
                    yield ClipPart(video, [], error=result.error)
                    continue
                frames, index = result.arrays["frames"], result.arrays["frame_index"]
                resized = resize_to_cover(
                    frames,
                    index,
                    self.size,
                    crops=1,
                    antialias=self.views.antialias,
                    device=self.device,
                )
                clips = [list(resized.cut_view(clip)) for clip in range(resized.num_views)]
                meta = result.meta
                times = VideoTimes(frames=meta["num_frames"], duration=meta["length_seconds"])
                yield ClipPart(video, clips, len(clips), times, num_frames=len(frames))


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowReader:
    """Reads all windows of each video, several videos side by side."""

    grid: WindowGrid
    resize: Resize
    size: ImageSize
    channels: int
    reading: ReadingConfig
    num_workers: int
    device: torch.device
    frame_name: str | None = None
    frame_rate: float | None = None

    def read(self, videos: Iterator[FeatureVideo]) -> Generator[ClipPart]:
        count = max(1, self.num_workers)
        parts: queue.Queue[ClipPart | BaseException | None] = queue.Queue(maxsize=count + 1)
        is_stopped, lock = threading.Event(), threading.Lock()

        def take_video() -> FeatureVideo | None:
            with lock:
                return next(videos, None)

        def scan_all(pool: Pool) -> None:
            try:
                while not is_stopped.is_set() and (video := take_video()) is not None:
                    for part in self._scan(pool, video):
                        _put(parts, part, is_stopped)
                _put(parts, None, is_stopped)
            except BaseException as error:
                _put(parts, error, is_stopped)

        threads: list[threading.Thread] = []
        with ExitStack() as stack:
            stack.callback(_join, threads)  # last: whoever waits for a pool hears that it closes
            pools = [
                stack.enter_context(
                    self.reading.pool(SCAN_FUNCTION, num_workers=min(1, self.num_workers))
                )
                for _ in range(count)
            ]
            stack.callback(is_stopped.set)
            for pool in pools:
                threads.append(threading.Thread(target=scan_all, args=(pool,)))
                threads[-1].start()
            while count:
                part = parts.get()
                if isinstance(part, BaseException):
                    raise part
                if part is None:
                    count -= 1
                else:
                    yield part

    def _scan(self, pool: Pool, video: FeatureVideo) -> Iterator[ClipPart]:
        """The windows of a video; one that has lost any is not half there, it is unreadable."""
        try:
            request = self.build_request(video.entry)
            info = open_scan(pool, request)
            try:
                frames, windows = self.grid.place(info.num_frames, info.seconds, info.start_seconds)
            except ValueError as error:
                raise VideoError(video.entry.path, str(error)) from error
        except VideoError as error:
            yield ClipPart(video, [], error=error)
            return
        times = _describe_times(info, windows)
        cutter = ClipCutter(frames, partial(self._prepare, video.entry.path))
        scan = iterate_scan(pool, request, np.unique(frames).tolist(), info.shape)
        for part, clips in _pair(scan, cutter):
            if cutter.error is not None:
                break
            yield ClipPart(video, clips, len(frames), times, num_frames=part)
        if cutter.error is not None:
            yield ClipPart(video, [], error=cutter.error)

    def build_request(self, entry: Entry) -> ScanRequest:
        """How a video is read from first to last."""
        return ScanRequest(
            entry=entry,
            pixels="gray" if self.channels == 1 else "rgb",
            limits=self.reading.limits(),
            frame_name=self.frame_name if entry.is_frames else None,
            frame_rate=self.frame_rate,
        )

    def _prepare(self, path: str, frames: Frames) -> Tensor:
        fitted = fit_channels(path, frames, self.channels)
        if self.resize == "squash":
            x = torch.from_numpy(fitted).to(self.device).permute(0, 3, 1, 2).float()
            y = (
                x
                if tuple(x.shape[2:]) == self.size
                else F.interpolate(x, self.size, mode="bilinear")
            )
            return y.permute(0, 2, 3, 1).contiguous()
        index = np.arange(len(frames), dtype=np.int64)[None]
        resized = resize_to_cover(
            fitted, index, self.size, crops=1, antialias=True, device=self.device
        )
        return resized.cut_view(0)


def _pair(scan: Iterator[Any], cutter: ClipCutter) -> Iterator[tuple[int, list[list[Tensor]]]]:
    """Frames that were read, and the clips that they complete, part by part."""
    counts: list[int] = []

    def iterate_parts() -> Iterator[Any]:
        for part in scan:
            counts.append(len(part.indices))
            yield part

    for clips in cutter.cut(iterate_parts()):
        yield counts.pop(), [frames for _, frames in clips]


def _describe_times(info: ScanInfo, windows: Any) -> VideoTimes:
    if info.seconds is None or windows is None:
        return VideoTimes(frames=info.num_frames)
    duration = compute_duration(info.seconds)
    return VideoTimes(
        frames=info.num_frames,
        fps=round(info.num_frames / duration, 6) if duration > 0 else None,
        duration=round(duration, 6),
        starts=tuple(np.round(windows.starts, 6).tolist()),
        stops=tuple(np.round(windows.stops, 6).tolist()),
    )


def _put(parts: "queue.Queue[Any]", part: Any, is_stopped: threading.Event) -> None:
    """Wait for room, as long as somebody takes parts."""
    while not is_stopped.is_set():
        try:
            parts.put(part, timeout=0.2)
        except queue.Full:
            continue
        return


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join()
