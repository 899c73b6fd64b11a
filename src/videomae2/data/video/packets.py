"""Open a video file with PyAV, go to any of its packets, and put FFmpeg's errors into words."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from videomae2.base.file_kinds import describe_non_video
from videomae2.data.video.convert import FrameSize
from videomae2.data.video.frame_index import DecodeRange, FrameIndex
from videomae2.data.video.reader import (
    CONVERT,
    COPY_AGAIN,
    Deadline,
    ReadLimits,
    format_os_error,
)
from videomae2.errors import VideoError

if TYPE_CHECKING:  # PyAV's own files say so, but its class takes no index
    VideoPacket = Packet[VideoStream]
else:
    VideoPacket = Packet


# PyAV 18 refuses a file whose title is not UTF-8 unless told; PyAV 19 dropped the setting.
METADATA_OPTIONS: Any = {"metadata_errors": "replace"} if av.__version__.startswith("18.") else {}
"""What ``av.open`` is told of titles and the like."""

# Play lists that make FFmpeg open other files, and pictures: not what a video file is.
_PLAYLIST_FORMATS = {
    "hls", "applehttp", "concat", "concatf", "dash", "sdp", "rtsp", "rtp", "sap", "imf", "vobsub",
    "webm_dash_manifest", "mlv", "lavfi", "avisynth", "vapoursynth",
}  # fmt: skip
_NON_VIDEO_FORMATS = _PLAYLIST_FORMATS | {"image2", "tty", "cdg"}  # cdg takes anything for its own

# Refused before FFmpeg opens what they name: a pipe among that would be waited for without end.
_ALLOWED_FORMATS = ",".join(
    {part for name in av.formats_available for part in name.split(",")} - _PLAYLIST_FORMATS
)


def open_container(
    path: Path | str, deadline: Deadline, limits: ReadLimits, *, quick: bool
) -> tuple[InputContainer, VideoStream]:
    """Open a file and its first video stream, ready to decode in this thread alone.

    Quickly: without FFmpeg's look at the first frames. It decodes a whole key frame (2.3 of 2.5 ms
    for 340x256 H.264) to learn what MP4 and Matroska state in their headers.

    Raises:
        VideoError: If there is no video stream that can be decoded.
    """
    # A bare path could be taken for an address; "file:" and the list keep FFmpeg on this disk.
    try:
        container = av.open(
            f"file:{os.fspath(path)}",
            options={"skip_frame": "all"} if quick else {"max_pixels": str(limits.max_pixels)},
            container_options={"protocol_whitelist": "file", "format_whitelist": _ALLOWED_FORMATS}
            | ({"analyzeduration": "1"} if quick else {}),
            timeout=deadline.remaining,
            **METADATA_OPTIONS,
        )
    except av.error.ArgumentError as error:
        raise VideoError(
            path, "it is a play list or the like, not a video file; take it off the list"
        ) from error
    try:
        if _NON_VIDEO_FORMATS.intersection(container.format.name.split(",")):
            kind = container.format.long_name
            reason = f"it is not a video file ({kind}); take it off the list"
            raise VideoError(path, describe_non_video(path) or reason)
        return container, select_video_stream(path, container, limits, quick=quick)
    except VideoError:
        container.close()
        raise


def select_video_stream(
    path: Path | str, container: InputContainer, limits: ReadLimits, *, quick: bool
) -> VideoStream:
    """The first video stream of what is open, to be decoded in this thread alone.

    Raises:
        VideoError: There is none, it has no decoder, or its frames are above the limit.
    """
    # A cover picture is a video stream to FFmpeg.
    streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
    if not streams:
        reason = describe_non_video(path) or "it has no video stream; take it off the list"
        raise VideoError(path, reason)
    stream, codec = streams[0], streams[0].codec_context
    if codec is None:
        raise VideoError(path, f"no decoder is there for its video stream; {CONVERT}")
    if not codec.width and not quick:  # probing gives up above the limit, and on nonsense
        limit = limits.max_pixels
        reason = f"its frames have no size, or more than the limit of {limit} pixels"
        raise VideoError(path, describe_non_video(path) or reason)
    if codec.width * codec.height > limits.max_pixels:
        raise VideoError(
            path,
            f"its frames are {codec.width}x{codec.height}, more than the limit of "
            f"{limits.max_pixels} pixels",
        )
    stream.thread_type, codec.thread_count = "NONE", 1
    codec.options = {"max_pixels": str(limits.max_pixels)}
    return stream


def has_frame_headers(path: Path | str) -> bool:
    """Look at the first bytes: MP4, MOV and Matroska write every time and size into the file."""
    try:
        with open(path, "rb") as file:
            head = file.read(12)
    except OSError as error:
        raise VideoError(path, f"it cannot be opened: {format_os_error(error)}") from error
    return head[:4] == b"\x1a\x45\xdf\xa3" or head[4:8] in (b"ftyp", b"moov", b"mdat", b"free")


# A demuxer says so of what it cannot make sense of: a file is neither a device nor a connection.
_NO_FAULT_OF_DISKS = {errno.EBUSY, errno.EAGAIN, errno.ENODEV, errno.ERANGE, errno.EDOM}


@contextmanager
def translate_ffmpeg_errors(path: Path | str, deadline: Deadline) -> Iterator[None]:
    """Turn what PyAV raises into a `VideoError` that a person understands."""
    try:
        yield
    except VideoError:
        raise
    except (av.error.ExitError, av.error.TimeoutError) as error:  # our own time limit
        raise deadline.build_error() from error
    except av.error.InvalidDataError as error:
        reason = f"the data is damaged, cut off or not a video; {COPY_AGAIN}"
        raise VideoError(path, describe_non_video(path) or reason) from error
    except EOFError as error:
        reason = describe_non_video(path) or f"the file ends too early; {COPY_AGAIN}"
        raise VideoError(path, reason) from error
    except MemoryError as error:
        reason = f"its frames need more memory than there is, or it is damaged; {COPY_AGAIN}"
        raise VideoError(path, describe_non_video(path) or reason) from error
    except (av.error.FFmpegError, OSError) as error:
        if error.errno in _NO_FAULT_OF_DISKS:
            reason = f"the data is damaged, cut off or of frames that are too large; {COPY_AGAIN}"
            raise VideoError(path, describe_non_video(path) or reason) from error
        raise VideoError(
            path, f"FFmpeg cannot read it: {format_os_error(error)}; {CONVERT}"
        ) from error
    except (ValueError, ArithmeticError, LookupError, RuntimeError) as error:
        raise VideoError(path, f"PyAV cannot read it: {format_os_error(error)}") from error


# Reading a packet costs 2 us, a seek 25 us and more: below this gap, read on.
_NEAR_PACKETS = 32

# How far before the wanted time to seek, again and again, while a seek lands too late.
_BACK_SECONDS = (0, 1, 5, 30)


class IndexMismatchError(Exception):
    """The file is not as its table says; its frames must be decoded from the start."""


class PacketReader:
    """The packets of a file's video stream, in runs, from one open container."""

    def __init__(self, path: str, limits: ReadLimits, *, quick: bool) -> None:
        self._path, self._limits, self.quick = path, limits, quick
        self._container: av.container.InputContainer | None = None

    def open(self, deadline: Deadline) -> None:
        """Open the file anew; the next packet is its first."""
        self.close()
        self._container, self.stream = open_container(
            self._path, deadline, self._limits, quick=self.quick
        )
        self.size: FrameSize = self.codec.height, self.codec.width  # decoding may change them
        self._packets = self._demux_packets()
        self._next: int | None = 0

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    @property
    def is_open(self) -> bool:
        return self._container is not None

    @property
    def codec(self) -> VideoCodecContext:
        return self.stream.codec_context

    @property
    def format_name(self) -> str:
        """FFmpeg's name of the container, e.g. `avi`."""
        assert self._container is not None
        return self._container.format.name

    @property
    def container_start_seconds(self) -> float:
        """When the first of picture and sound is shown, from which players count."""
        assert self._container is not None
        return (self._container.start_time or 0) / av.time_base

    @property
    def pixel_aspect(self) -> Fraction:
        """How wide a pixel is shown for its height; 1 where the file does not say."""
        return self.stream.sample_aspect_ratio or Fraction(1)

    def iterate_remaining(self) -> Iterator[VideoPacket]:
        """All packets from here on; where the feed stands is not known after that."""
        self._next = None
        return self._packets

    def iterate_range(
        self, index: FrameIndex, packet_range: DecodeRange, deadline: Deadline
    ) -> Iterator[VideoPacket]:
        """Give the packets of a span to a decoder that starts afresh.

        Raises:
            IndexMismatchError: If they are not the packets of the table.
        """
        self._go_to(index, packet_range.first, deadline)
        self.codec.flush_buffers()
        self._deadline = deadline
        return self._iterate_decodable(index, packet_range)

    def _iterate_decodable(
        self, index: FrameIndex, packet_range: DecodeRange
    ) -> Iterator[VideoPacket]:
        packet_slice = slice(packet_range.first, packet_range.last + 1)
        # Leading frames lean on what lies before the first packet: no frame of the span's.
        leading = (index.start_packet[packet_slice] < packet_range.first).tolist()
        for packet, is_leading in zip(
            self._iterate_checked(index, packet_slice), leading, strict=False
        ):
            if not is_leading:
                yield packet
                self._deadline.check()

    def _iterate_checked(self, index: FrameIndex, packet_slice: slice) -> Iterator[VideoPacket]:
        times, sizes = (
            index.packet_times[packet_slice].tolist(),
            index.packet_sizes[packet_slice].tolist(),
        )
        self._next = None  # until this run is through
        for time, size, packet in zip(times, sizes, self._packets, strict=False):
            if packet.pts != time or packet.size != size:
                raise IndexMismatchError
            yield packet
        self._next = packet_slice.stop

    def _demux_packets(self) -> Iterator[VideoPacket]:
        assert self._container is not None
        # The last packet is FFmpeg's empty mark of the end.
        return (packet for packet in self._container.demux(self.stream) if packet.size)

    def _go_to(self, index: FrameIndex, position: int, deadline: Deadline) -> None:
        current = self._next
        if current is None or not 0 <= position - current <= _NEAR_PACKETS:
            current = self._seek(index, position, deadline)
        for _ in self._iterate_checked(index, slice(current, position)):
            pass

    def _seek(self, index: FrameIndex, position: int, deadline: Deadline) -> int:
        """Bring the feed to this packet or one before it, and say to which."""
        assert self._container is not None
        time, base = int(index.packet_times[position]), self.stream.time_base
        for back in _BACK_SECONDS:
            try:
                self._container.seek(time - int(back / (base or 1)), stream=self.stream)
            except (av.error.FFmpegError, OSError):
                break
            self._packets = self._demux_packets()
            landed = self._find_position(index)
            if landed is not None and landed <= position:
                return landed
        self.open(deadline)
        return 0

    def _find_position(self, index: FrameIndex) -> int | None:
        """Look at the next packet and find it in the table."""
        packet = next(self._packets, None)
        if packet is None or packet.pts is None:
            return None
        self._packets = chain((packet,), self._packets)
        is_same = (index.packet_times == packet.pts) & (index.packet_sizes == packet.size)
        matches = np.flatnonzero(is_same)
        return int(matches[0]) if len(matches) == 1 else None
