"""The frames of a video file from first to last, each decoded once, however long the file is.

`VideoFile` starts anew at a key frame with every read; this one goes on where it stopped.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

import av
from av.video.frame import VideoFrame

from videomae2.data.video.convert import FrameBuffer, coded_size, read_rotation
from videomae2.data.video.index_builder import decode_from_start
from videomae2.data.video.packets import translate_ffmpeg_errors
from videomae2.data.video.pyav_reader import VideoFile
from videomae2.data.video.reader import (
    COPY_AGAIN,
    Deadline,
    Frames,
    Pixels,
    ReadLimits,
    check_indices,
)
from videomae2.errors import VideoError

FrameShape = tuple[int, int, int]


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
        self.num_frames = len(self.seconds)
        self._deadline = Deadline(path, limits.timeout_seconds)
        self._frames: Iterator[tuple[int | None, VideoFrame]] = iter(())
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
            VideoError: If there is no such frame, or the file is damaged before it.
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
        return first[1]

    def _iterate_keyed(self) -> Iterator[tuple[int | None, VideoFrame]]:
        """Every frame with what the table knows it by: its number or its time."""
        frames = decode_from_start(self._path, self._limits, self._deadline)
        for number, frame in enumerate(frames):
            yield (number if self._index.by_count else frame.pts), frame

    def _read(self, indices: Sequence[int]) -> Frames:
        rows = {int(self._index.times[index]): row for row, index in enumerate(indices)}
        buffer = self._new_buffer(len(indices))
        try:
            while rows:
                key, frame = next(self._frames)
                row = None if key is None else rows.pop(key, None)
                if row is not None:
                    buffer.write(row, frame)
        except (StopIteration, av.error.InvalidDataError) as error:
            lost_index = indices[min(rows.values())]
            raise VideoError(
                self._path,
                f"frame {lost_index} of {self.num_frames} cannot be decoded, the file is damaged "
                f"there; {COPY_AGAIN}",
            ) from error
        self._next = indices[-1] + 1 if indices else self._next
        return buffer.frames

    def _new_buffer(self, count: int) -> FrameBuffer:
        size, rotation = coded_size(self._first), read_rotation(self._first)
        return FrameBuffer(
            self._path, count, size, rotation, pixels=self._pixels, limits=self._limits
        )
