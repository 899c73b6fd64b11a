"""Go to any packet of a video file, and know which one it is."""

from collections.abc import Iterator
from itertools import chain

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from videomae2.data.container import VideoPacket, open_container
from videomae2.data.frame_table import FrameIndex, DecodeRange
from videomae2.data.picture import FrameSize
from videomae2.data.readers import Deadline, ReadLimits

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
        self.size = FrameSize(self.codec.height, self.codec.width)  # decoding may change the codec's
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

    def iterate_remaining(self) -> Iterator[VideoPacket]:
        """All packets from here on; where the feed stands is not known after that."""
        self._next = None
        return self._packets

    def iterate_range(self, index: FrameIndex, packet_range: DecodeRange, deadline: Deadline) -> Iterator[VideoPacket]:
        """Give the packets of a span to a decoder that starts afresh.

        Raises:
            MisledError: If they are not the packets of the table.
        """
        self._go_to(index, packet_range.first, deadline)
        self.codec.flush_buffers()
        self._deadline = deadline
        return self._iterate_decodable(index, packet_range)

    def _iterate_decodable(self, index: FrameIndex, packet_range: DecodeRange) -> Iterator[VideoPacket]:
        packet_slice = slice(packet_range.first, packet_range.last + 1)
        # Leading frames lean on what lies before the first packet: no frame of the span's.
        leading = (index.start_packet[packet_slice] < packet_range.first).tolist()
        for packet, is_leading in zip(self._iterate_checked(index, packet_slice), leading, strict=False):
            if not is_leading:
                yield packet
                self._deadline.check()

    def _iterate_checked(self, index: FrameIndex, packet_slice: slice) -> Iterator[VideoPacket]:
        times, sizes = index.packet_times[packet_slice].tolist(), index.packet_sizes[packet_slice].tolist()
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
