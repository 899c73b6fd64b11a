"""Find out which frames a video file has: from its packets, and by decoding where that errs."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import av

from videomae2.data.video.damage import MarkedFrame, MarkingDecoder
from videomae2.data.video.frame_index import (
    FrameIndex,
    PacketList,
    index_from_counts,
    index_from_frames,
    index_from_packets,
)
from videomae2.data.video.packets import PacketReader, VideoPacket
from videomae2.data.video.reader import COPY_AGAIN, Deadline, ReadLimits
from videomae2.errors import VideoError

# In MP4 and Matroska, a packet of these is a frame and carries its time.
_ONE_PACKET_ONE_FRAME = {
    "h264", "hevc", "libdav1d", "av1", "vp9", "vp8", "mjpeg", "prores", "ffv1", "png",
}  # fmt: skip

# Elsewhere, so many frames are decoded to see whether the packets' times are the frames'.
_CHECKED_FRAMES = 64

# XviD and DivX pack two frames into one packet of an AVI and leave the next one empty, or say
# "as before" with no frame: such a file is decoded whole, up to this length.
_PACKED_AVI_FRAMES = 5000

# A stream without any clock.
_DEFAULT_RATE = 25


def build_index(
    path: str, packet_reader: PacketReader, deadline: Deadline, limits: ReadLimits
) -> FrameIndex:
    """Make the table of a file; the reader has it open at its first packet.

    Raises:
        VideoError: If it has no frame, or more than the limit.
    """
    start, base = packet_reader.container_start_seconds, packet_reader.stream.time_base
    index = _build_index(path, packet_reader, deadline, limits)
    if index.by_count or not base:
        return index
    return replace(index, start_seconds=max(0.0, float(index.times[0] * base) - start))


def _build_index(
    path: str, packet_reader: PacketReader, deadline: Deadline, limits: ReadLimits
) -> FrameIndex:
    packets = _read_packet_list(path, packet_reader, deadline, limits)
    base, rate = packet_reader.stream.time_base, packet_reader.stream.average_rate or _DEFAULT_RATE
    tick_seconds = float(base) if base else 1 / float(rate)
    index = index_from_packets(packets, tick_seconds)
    if index is not None and _check_index(index, path, packet_reader, deadline, limits):
        return index
    times = _decode_times(path, deadline, limits, stop=limits.max_frames + 1)
    if not times:
        raise VideoError(path, f"not one of its frames can be decoded; {COPY_AGAIN}")
    check_count(path, len(times), limits)
    if None in times:
        return index_from_counts([n / float(rate) for n in range(len(times))])
    known_times = [time for time in times if time is not None]
    index_by_frames = index_from_frames(known_times, packets, tick_seconds)
    return index_by_frames or index_from_counts([time * tick_seconds for time in known_times])


def _read_packet_list(
    path: str, packet_reader: PacketReader, deadline: Deadline, limits: ReadLimits
) -> PacketList:
    rows: list[tuple[int | None, int, bool, bool]] = []
    may_hide = packet_reader.codec.name == "vp8"
    for packet in packet_reader.iterate_remaining():
        shown = not packet.is_discard and not (may_hide and _is_hidden_vp8(packet))
        rows.append((packet.pts, packet.size, packet.is_keyframe, shown))
        if len(rows) % 256 == 0:
            deadline.check()
            check_count(path, len(rows), limits)
    if not rows:
        raise VideoError(path, f"its video stream is empty; {COPY_AGAIN}")
    check_count(path, len(rows), limits)
    return PacketList(*map(list, zip(*rows, strict=True)))


def check_count(path: str, count: int, limits: ReadLimits) -> None:
    """Refuse a video without end.

    Raises:
        VideoError: Naming the limit.
    """
    if count > limits.max_frames:
        raise VideoError(path, f"it has more than the limit of {limits.max_frames} frames")


def _is_hidden_vp8(packet: VideoPacket) -> bool:
    """A VP8 packet may hold a frame that is only leant on. Source: RFC 6386, section 9.1."""
    return not memoryview(packet)[0] & 0x10


def _check_index(
    index: FrameIndex,
    path: str,
    packet_reader: PacketReader,
    deadline: Deadline,
    limits: ReadLimits,
) -> bool:
    """Whether decoding gives the frames of the table, as far as that must be tried."""
    if packet_reader.quick and packet_reader.codec.name in _ONE_PACKET_ONE_FRAME:
        return True
    is_packed = packet_reader.format_name == "avi" and packet_reader.codec.name == "mpeg4"
    expected = index.times[: _PACKED_AVI_FRAMES if is_packed else _CHECKED_FRAMES].tolist()
    return _decode_times(path, deadline, limits, stop=len(expected)) == expected


def _decode_times(
    path: str, deadline: Deadline, limits: ReadLimits, *, stop: int
) -> list[int | None]:
    """Decode from the start and note the times of what comes out, up to the first damage."""
    times: list[int | None] = []
    try:
        for marked in islice(decode_from_start(path, limits, deadline), stop):
            times.append(marked.frame.pts)
    except av.error.InvalidDataError:
        pass  # a file that was cut off; what stands before the cut counts
    return times


def decode_from_start(
    path: str, limits: ReadLimits, deadline: Deadline, *, skip_damage: bool = False
) -> Iterator[MarkedFrame]:
    """Decode a file from its start to its end; the deadline is looked at before every packet.

    ``skip_damage``: go on after packets that cannot be decoded.
    """
    packet_reader = PacketReader(path, limits, quick=False)
    try:
        packet_reader.open(deadline)
        decoder = MarkingDecoder(packet_reader.codec)
        packets = _iterate_in_time(packet_reader.iterate_remaining(), deadline)
        yield from decoder.iterate(packets, skip_damage=skip_damage)
    finally:
        packet_reader.close()


def _iterate_in_time(packets: Iterator[VideoPacket], deadline: Deadline) -> Iterator[VideoPacket]:
    for packet in packets:
        deadline.check()
        yield packet
