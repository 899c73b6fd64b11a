"""The frames of a video file from first to last, each decoded once, however long the file is.

`VideoFile` starts anew at a key frame with every read; this one goes on where it stopped.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import av
from av.video.frame import VideoFrame

from videomae2.data.video.convert import (
    FrameBuffer,
    coded_size,
    read_rotation,
    shown_size,
)
from videomae2.data.video.index_builder import decode_from_start
from videomae2.data.video.packets import translate_ffmpeg_errors
from videomae2.data.video.pyav_reader import VideoFile, build_damage_error
from videomae2.data.video.reader import (
    COPY_AGAIN,
    Deadline,
    Frames,
    FrameShape,
    Pixels,
    ReadLimits,
    check_indices,
)
from videomae2.errors import VideoError


class _KeyedFrame(NamedTuple):
    key: int | None
    """What the table knows it by: its number or its time."""
    frame: VideoFrame
    is_damaged: bool


class VideoStream:
    """Exact frames for exact indices that rise from read to read.

    The limit of time counts for opening and for every read.

    Raises:
        VideoError: If it cannot be opened, or not even its first frame can be decoded.
    """

    def __init__(self, path: str, *, pixels: Pixels, limits: ReadLimits) -> None:
        self._path, self._pixels, self._limits = path, pixels, limits
        with VideoFile(path, pixels=pixels, limits=limits) as file:
            self._index, self.seconds = file.frame_index, file.seconds
            self._pixel_aspect, self.start_seconds = file.pixel_aspect, file.start_seconds
        self.num_frames = len(self.seconds)
        self._deadline = Deadline(path, limits.timeout_seconds)
        self._frames: Iterator[_KeyedFrame] = iter(())
        self._next = 0
        with translate_ffmpeg_errors(path, self._deadline):
            self._first = self._restart()

    @property
    def shape(self) -> FrameShape:
        """Height, width and channels of a frame as it is read."""
        height, width, channels = self._new_buffer(1).frames.shape[1:]
        return height, width, channels

    def read(self, indices: Sequence[int]) -> Frames:
        """Give frames by rising indices; decodes from the start again if the first has gone by.

        Raises:
            VideoError: If there is no such frame, or one is damaged.
        """
        frames, lost = self.read_intact(indices)
        if lost:
            raise build_damage_error(self._path, lost[0], self.num_frames)
        return frames

    def read_intact(self, indices: Sequence[int]) -> tuple[Frames, list[int]]:
        """Give those of the frames that are not damaged, and the indices of those that are.

        Raises:
            VideoError: If there is no such frame, or the time is over.
        """
        check_indices(self._path, indices, self.num_frames)
        self._deadline.renew()
        with translate_ffmpeg_errors(self._path, self._deadline):
            if indices and indices[0] < self._next:
                self._restart()
            return self._read(indices)

    def close(self) -> None:
        self._frames = iter(())

    def _restart(self) -> VideoFrame:
        """Go to the first frame, and give it."""
        self._frames, self._next = self._iterate_keyed(), 0
        first = next(self._frames, None)
        if first is None:
            raise VideoError(self._path, f"not one of its frames can be decoded; {COPY_AGAIN}")
        self._frames = chain((first,), self._frames)
        return first.frame

    def _iterate_keyed(self) -> Iterator[_KeyedFrame]:
        # where frames are counted, what is left out would shift all behind it
        frames = decode_from_start(
            self._path, self._limits, self._deadline, skip_damage=not self._index.by_count
        )
        for number, (frame, is_damaged) in enumerate(frames):
            yield _KeyedFrame(number if self._index.by_count else frame.pts, frame, is_damaged)

    def _read(self, indices: Sequence[int]) -> tuple[Frames, list[int]]:
        keys = [int(self._index.times[index]) for index in indices]
        buffer, intact = self._new_buffer(len(indices)), set[int]()
        try:
            while keys and keys[-1] not in intact:
                key, frame, is_damaged = keyed = next(self._frames)
                if key in keys and not is_damaged:
                    buffer.write(len(intact), frame)
                    intact.add(key)
                elif key is not None and key >= keys[-1]:
                    if key > keys[-1]:  # it may be wanted next
                        self._frames = chain((keyed,), self._frames)
                    break
        except (StopIteration, av.error.InvalidDataError):
            pass  # the file ends here, or cannot be followed any further
        self._next = indices[-1] + 1 if indices else self._next
        lost = [index for index, key in zip(indices, keys, strict=True) if key not in intact]
        return buffer.frames[: len(intact)], lost

    def _new_buffer(self, count: int) -> FrameBuffer:
        size = shown_size(coded_size(self._first), self._pixel_aspect, self._limits)
        rotation = read_rotation(self._first)
        return FrameBuffer(
            self._path, count, size, rotation, pixels=self._pixels, limits=self._limits
        )
