"""A stream from its first frame to its last, decoded in a thread of its own.

Axes: frames (one), height, width, channels.
"""

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from typing import Any, Self

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videomae2.data.live.clock import WITHOUT_TIMES, StreamClock
from videomae2.data.live.errors import NOT_A_VIDEO, build_silence_error, translate_stream_errors
from videomae2.data.live.frame_queue import FrameQueue, StreamFrame
from videomae2.data.live.opening import INDEX_BEHIND, is_index_behind, open_stream
from videomae2.data.live.pipe import open_pipe
from videomae2.data.live.sources import LiveConfig, StreamSource
from videomae2.data.video.convert import FrameBuffer, coded_size, read_rotation, shown_size
from videomae2.data.video.damage import MarkedFrame, MarkingDecoder
from videomae2.data.video.reader import Frames, Pixels, ReadLimits
from videomae2.errors import VideoError

_logger = logging.getLogger(__name__)

_GRACE_SECONDS = 3.0  # after its limits, for what FFmpeg does not break off: looking up a name


class LiveReader:
    """The frames of a stream as they come, while the thread decodes the next ones.

    A few seconds of frames wait for whoever takes them. Where these are full, a pipe or a download
    is made to wait. What goes on by itself, such as a camera, is made to wait only as long as it
    is ahead of the time that has passed; then all that waits is dropped and counted, so that what
    is taken stays in one piece and is never older than these seconds.

    Args:
        source: The stream.
        pixels: Colour of the frames.
        limits: What a frame may cost.
        config: How long to wait.
        prepare: What is made of a frame, uint8 [1, height, width, channels], in the thread; has
            ``nbytes``.
        frame_rate: Frames per second of a stream without times; by when they arrive if not given.
        descriptor: Of standard input: where to read.
        head: What was read of it already.
        should_stop: Whether nobody wants more; asked ten times a second.

    Raises:
        VideoError: From the iteration: it cannot be opened, or broke off; frames before were given.
    """

    def __init__(
        self,
        source: StreamSource,
        *,
        pixels: Pixels,
        limits: ReadLimits,
        config: LiveConfig,
        prepare: Callable[[Frames], Any],
        frame_rate: float | None = None,
        descriptor: int | None = None,
        head: bytes = b"",
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._source, self._pixels, self._limits = source, pixels, limits
        self._config, self._prepare, self._frame_rate = config, prepare, frame_rate
        self._descriptor, self._head, self._should_stop = descriptor, head, should_stop
        self.num_frames = self.num_damaged = 0
        """Frames that were decoded, and damaged ones of these."""
        self._queue = FrameQueue(source.name)
        self._is_open = False
        self._error: Exception | None = None
        self._expires = 0.0
        self._thread = threading.Thread(target=self._run, name="stream", daemon=True)

    @property
    def num_dropped(self) -> int:
        """Frames that nobody took in time."""
        return self._queue.num_dropped

    def __enter__(self) -> Self:
        # opening and its look at the first frames have the limit each
        self._extend(2 * self._config.connect_limit)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._queue.close()
        self._thread.join(timeout=0.5)  # it may hang in a call of FFmpeg, until its limit

    def __iter__(self) -> Iterator[StreamFrame | None]:
        """Give the frames; None where the next one has not come yet, before it is waited for."""
        while not self._should_stop():
            frame = self._queue.take()
            if frame is None:
                yield None
                frame = self._wait()
            if frame is None:
                break
            yield frame
        if self._error is not None and not self._should_stop():
            raise self._error

    def _wait(self) -> StreamFrame | None:
        """The next frame; None at the end."""
        while self._queue.is_waiting() and not self._should_stop():
            if time.monotonic() > self._expires:
                self._error = build_silence_error(
                    self._source, self._limit_seconds, is_open=self._is_open
                )
                return None
        return None if self._should_stop() else self._queue.take()

    @property
    def _limit_seconds(self) -> float:
        config = self._config
        return config.silence_limit if self._is_open else config.connect_limit

    def _extend(self, seconds: float) -> None:
        self._expires = time.monotonic() + seconds + _GRACE_SECONDS

    def _run(self) -> None:
        pipe: int | None = None
        try:
            if self._source.kind == "pipe":
                self._descriptor = pipe = open_pipe(self._source.location)
            self._decode()
        except Exception as error:  # raised again in who takes the frames
            self._error = error
        finally:
            if pipe is not None:
                os.close(pipe)
            self._queue.end()

    def _decode(self) -> None:
        source, connect_limit = self._source, self._config.connect_limit
        with translate_stream_errors(source, limit_seconds=connect_limit, is_open=False):
            container, stream = open_stream(
                source,
                self._limits,
                connect_seconds=connect_limit,
                silence_seconds=self._config.silence_limit,
                descriptor=self._descriptor,
                head=self._head,
                wait_seconds=lambda: self._limit_seconds,
                is_stopped=lambda: self._queue.is_closed or self._should_stop(),
            )
        is_mp4 = is_index_behind(container)
        with closing(container):
            self._is_open = True
            self._extend(self._config.silence_limit)
            silence_limit = self._config.silence_limit
            with translate_stream_errors(source, limit_seconds=silence_limit, is_open=True):
                self._pump(container, stream)
        if not self.num_frames and not self._queue.is_closed and not self._should_stop():
            reason = NOT_A_VIDEO if self.num_damaged else "it ended before its first frame"
            if source.kind in ("pipe", "stdin") and is_mp4:
                reason = INDEX_BEHIND
            raise VideoError(source.name, reason)

    def _pump(self, container: InputContainer, stream: VideoStream) -> None:
        is_timed = not WITHOUT_TIMES.intersection(container.format.name.split(","))
        self._log_clock(is_timed=is_timed)
        clock = StreamClock(self._source.name, has_times=is_timed, frame_rate=self._frame_rate)
        can_wait = _has_end(self._source, container)
        started = time.monotonic()
        for frame, is_damaged in self._iterate_frames(container, stream):
            if self._queue.is_closed or self._should_stop():
                return
            seconds = clock.read(frame)
            number, self.num_frames = self.num_frames, self.num_frames + 1
            if number == 0:
                started = time.monotonic()
            if is_damaged:
                self.num_damaged += 1
                continue
            image = self._prepare(self._convert(frame, stream))
            ahead_until = None if can_wait else started + seconds
            self._queue.put(StreamFrame(number, seconds, image), ahead_until=ahead_until)
            self._extend(self._config.silence_limit)

    def _log_clock(self, *, is_timed: bool) -> None:
        name, rate = self._source.name, self._frame_rate
        if is_timed and rate is not None:
            _logger.warning(f"{name}: it has times of its own, so the frame rate has no effect")
        elif not is_timed and rate is None:
            _logger.info(
                f"{name}: its frames carry no times; they count from when they arrive, unless "
                "--frame-rate is given"
            )

    def _iterate_frames(
        self, container: InputContainer, stream: VideoStream
    ) -> Iterator[MarkedFrame]:
        decoder = MarkingDecoder(stream.codec_context)
        try:
            for packet in container.demux(stream):
                if packet.size:  # FFmpeg marks the end with an empty one
                    yield from self._iterate_shown(decoder, packet)
        except (av.error.FFmpegError, OSError) as error:
            yield from decoder.flush()
            if not (self.num_frames and _is_end(self._source, container, error)):
                raise
        else:
            yield from decoder.flush()

    def _iterate_shown(self, decoder: MarkingDecoder, packet: Any) -> Iterator[MarkedFrame]:
        try:
            frames = decoder.decode(packet)
        except (av.error.InvalidDataError, EOFError):
            if self.num_frames:
                self.num_frames, self.num_damaged = self.num_frames + 1, self.num_damaged + 1
            return
        # before the first whole picture there is nothing to damage
        yield from (marked for marked in frames if self.num_frames or not marked.is_damaged)

    def _convert(self, frame: VideoFrame, stream: VideoStream) -> Frames:
        aspect = stream.sample_aspect_ratio or Fraction(1)
        buffer = FrameBuffer(
            self._source.name,
            1,
            shown_size(coded_size(frame), aspect, self._limits),
            read_rotation(frame),
            pixels=self._pixels,
            limits=self._limits,
        )
        buffer.write(0, frame)
        return buffer.frames


def _is_end(source: StreamSource, container: InputContainer, error: Exception) -> bool:
    """Whether an error of FFmpeg is how a download without a length ends: the server closes it."""
    is_fault = getattr(error, "errno", None) == errno.EIO
    return is_fault and source.location.startswith(("http:", "https:")) and container.size < 0


def _has_end(source: StreamSource, container: InputContainer) -> bool:
    """Whether a stream waits for its reader and loses nothing by that."""
    if source.kind in ("pipe", "stdin", "file"):
        return True
    is_download = source.location.startswith(("http:", "https:"))
    return is_download and (container.duration is not None or container.size > 0)
