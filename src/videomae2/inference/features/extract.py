"""Fill folders of features: read what they lack, encode clips of several videos together, write.

Every batch has the same size, its last filled up with black clips, so that what a clip becomes does
not depend on what was done before, is done elsewhere, or could not be read.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

from videomae2.base.progress import Progress, track
from videomae2.base.signals import SignalHandler
from videomae2.base.text import format_count
from videomae2.errors import CheckpointError, Interrupted
from videomae2.inference.features.reading import ClipPart, ClipReader
from videomae2.inference.features.store import FeatureVideo, VideoTimes
from videomae2.inference.features.writing import Array, WritableStore

ArraySpec = tuple[tuple[int, ...], DTypeLike]
"""The shape of a clip's part of an array, and the kind of its numbers."""
EncodeFn = Callable[[Tensor], Mapping[str, NDArray[Any]]]
"""Clips [batch, frames, height, width, channels] on the device → features [batch, ...], by name."""
_POLL_SECONDS = 0.5  # to look whether another process has ended with a video, or has died


@dataclass(kw_only=True, slots=True)
class ExtractStats:
    """What an extraction cost, in this process."""

    num_videos: int = 0
    num_clips: int = 0
    num_frames: int = 0
    """That were decoded."""
    seconds: float = 0.0
    encode_seconds: float = 0.0
    """Of them, of the model's forward pass."""


@dataclass(slots=True)
class _OpenVideo:
    """A video of which some clips are encoded."""

    video: FeatureVideo
    arrays: dict[str, Array]
    times: VideoTimes
    num_left: int
    """Clips that are not encoded yet."""

    def discard(self) -> None:
        """Leave nothing behind."""
        for array in self.arrays.values():
            array.discard()


@dataclass(kw_only=True)
class Extraction:
    """Videos whose features go into folders, one for each kind."""

    stores: Mapping[str, WritableStore]
    specs: Mapping[str, ArraySpec]
    reader: ClipReader
    encode: EncodeFn
    batch_size: int
    name: str
    stats: ExtractStats = field(default_factory=ExtractStats)

    def __post_init__(self) -> None:
        self._open: dict[str, _OpenVideo] = {}
        self._waiting: list[tuple[str, list[Tensor]]] = []
        self._lock = threading.RLock()  # of the folders: videos are taken in the threads that read
        self._locks = next(iter(self.stores.values()))
        self._num_done = self._total = 0

    def run(self, videos: Sequence[FeatureVideo]) -> dict[str, str]:
        """Do what is not done; give the reasons of videos that cannot be read, by name.

        Raises:
            Interrupted: When asked to stop; what is done is kept.
            ConfigError: A folder cannot be written.
            CheckpointError: The model gives features that are not finite.
        """
        started, unique = time.perf_counter(), list({v.name: v for v in videos}.values())
        pending, self._total = self._list_pending(unique), len(unique)
        self._num_done = self._total - len(pending)
        title = f"features {self.name}".strip()
        try:
            with (
                SignalHandler() as stop_signal,
                track(title, total=self._total, done=self._num_done) as progress,
            ):
                while pending:
                    self._sweep(pending, progress, stop_signal)
                    num_before, pending = len(pending), self._list_pending(pending)
                    self._num_done = self._total - len(pending)
                    self._raise_if_stopped(stop_signal)
                    if num_before == len(pending):
                        time.sleep(_POLL_SECONDS)  # others are at work on the rest
        finally:
            self.stats.seconds += time.perf_counter() - started
            for opened in self._open.values():
                opened.discard()
        failed = [(v.name, store.unreadable.get(v.name)) for v in unique for store in self._stores]
        return {name: reason for name, reason in failed if reason is not None}

    @property
    def _stores(self) -> list[WritableStore]:
        return list(self.stores.values())

    def _list_pending(self, videos: Sequence[FeatureVideo]) -> list[FeatureVideo]:
        with self._lock:
            for store in self._stores:
                store.refresh()
            return [video for video in videos if self._list_lacking(video)]

    def _list_lacking(self, video: FeatureVideo) -> list[str]:
        """The kinds of features that are to be made of a video."""
        return [name for name, store in self.stores.items() if store.is_pending(video)]

    def _raise_if_stopped(self, stop_signal: SignalHandler) -> None:
        if stop_signal.stop_signal is not None:
            raise Interrupted(
                f"stopped by {stop_signal.stop_signal.name}; the features of {self._num_done} of "
                f"{format_count(self._total, 'video')} kept; the same command goes on"
            )

    def _sweep(
        self, pending: Sequence[FeatureVideo], progress: Progress, stop_signal: SignalHandler
    ) -> None:
        """Go once through the videos, leaving out what others have taken."""
        with closing(self.reader.read(self._claim(pending))) as parts:
            for part in parts:
                self._take(part, progress)
                while len(self._waiting) >= self.batch_size:
                    self._encode_batch(progress)
                    self._raise_if_stopped(stop_signal)
                self._raise_if_stopped(stop_signal)
        while self._waiting:
            self._encode_batch(progress)

    def _claim(self, videos: Sequence[FeatureVideo]) -> Iterator[FeatureVideo]:
        for video in videos:
            with self._lock:
                if not self._list_lacking(video) or not self._locks.try_lock(video):
                    continue
                for store in self._stores:  # who had it may have ended meanwhile
                    store.refresh()
                if not self._list_lacking(video):
                    self._locks.unlock(video)
                    continue
            yield video

    def _take(self, part: ClipPart, progress: Progress) -> None:
        """Put the clips of a part with those that wait."""
        name = part.video.name
        self.stats.num_frames += part.num_frames
        if part.error is not None:
            self._fail(part.video, part.error.reason)
            progress.advance()
            return
        if name not in self._open:
            assert part.times is not None
            with self._lock:
                arrays = {
                    key: self.stores[key].open_array(
                        part.video, (part.num_clips, *self.specs[key][0]), self.specs[key][1]
                    )
                    for key in self._list_lacking(part.video)
                }
            self._open[name] = _OpenVideo(part.video, arrays, part.times, part.num_clips)
        self._waiting += [(name, clip) for clip in part.clips]

    def _fail(self, video: FeatureVideo, reason: str) -> None:
        self._waiting = [pair for pair in self._waiting if pair[0] != video.name]
        if opened := self._open.pop(video.name, None):
            opened.discard()
        with self._lock:
            for key in self._list_lacking(video):
                self.stores[key].mark_unreadable(video, reason)
            self._locks.unlock(video)
        self._num_done += 1

    def _encode_batch(self, progress: Progress) -> None:
        batch = self._waiting[: self.batch_size]
        self._waiting = self._waiting[self.batch_size :]
        frames = [frame for _, clip in batch for frame in clip]
        frames += [torch.zeros_like(frames[0])] * (self.batch_size * len(batch[0][1]) - len(frames))
        pixels = torch.stack(frames).unflatten(0, (self.batch_size, -1))
        started = time.perf_counter()
        features = self.encode(pixels)
        self.stats.encode_seconds += time.perf_counter() - started
        self.stats.num_clips += len(batch)
        for row, (name, _) in enumerate(batch):
            opened = self._open[name]
            for key, array in opened.arrays.items():
                _check_finite(features[key][row], name)
                array.append(features[key][row : row + 1])
            opened.num_left -= 1
            if not opened.num_left:
                self._finish(self._open.pop(name))
                progress.advance()

    def _finish(self, opened: _OpenVideo) -> None:
        with self._lock:
            for key, array in opened.arrays.items():
                self.stores[key].finish(opened.video, array, opened.times)
            self._locks.unlock(opened.video)
        self.stats.num_videos += 1
        self._num_done += 1


def _check_finite(features: NDArray[Any], name: str) -> None:
    if not np.isfinite(features).all():
        raise CheckpointError(
            f"the model gives features of {name} that are not finite; --precision fp32 may help, "
            f"or --dtype float32, or another checkpoint"
        )
