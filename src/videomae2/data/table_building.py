"""Find out which frames a video file has: from its packets, and by decoding where that errs."""

from itertools import chain

import av

from videomae2.data.container import VideoPacket
from videomae2.data.frame_table import (
    FrameTable,
    PacketList,
    table_of_counts,
    table_of_frames,
    table_of_packets,
)
from videomae2.data.packets import PacketFeed
from videomae2.data.readers import Deadline, ReadLimits
from videomae2.errors import VideoError

# In MP4 and Matroska, a packet of these is a frame and carries its time.
_ONE_PACKET_ONE_FRAME = {
    "h264", "hevc", "libdav1d", "av1", "vp9", "vp8", "mjpeg", "prores", "ffv1", "png",
}  # fmt: skip
# Elsewhere, so many frames are decoded to see whether the packets' times are the frames'.
_TRIED_FRAMES = 64
# XviD and DivX pack two frames into one packet of an AVI and leave the next one empty, or say
# "as before" with no frame: such a file is decoded whole, up to this length.
_PACKED_AVI_FRAMES = 5000
# A stream without any clock.
_ASSUMED_RATE = 25


def build_table(path: str, feed: PacketFeed, deadline: Deadline, limits: ReadLimits) -> FrameTable:
    """Make the table of a file; `feed` has it open at its first packet.

    Raises:
        VideoError: If it has no frame, or more than the limit.
    """
    packets = _packet_list(path, feed, deadline, limits)
    base, rate = feed.stream.time_base, feed.stream.average_rate or _ASSUMED_RATE
    tick_seconds = float(base) if base else 1 / float(rate)
    table = table_of_packets(packets, tick_seconds)
    if table is not None and _agrees(table, path, feed, deadline, limits):
        return table
    times = _decoded_times(path, deadline, limits, stop=limits.max_frames + 1)
    if not times:
        raise VideoError(path, "not one of its frames can be decoded")
    check_count(path, len(times), limits)
    if None in times:
        return table_of_counts([n / float(rate) for n in range(len(times))])
    known = [time for time in times if time is not None]
    found = table_of_frames(known, packets, tick_seconds)
    return found or table_of_counts([time * tick_seconds for time in known])


def _packet_list(path: str, feed: PacketFeed, deadline: Deadline, limits: ReadLimits) -> PacketList:
    found: list[tuple[int | None, int, bool, bool]] = []
    hides = feed.codec.name == "vp8"
    for packet in feed.rest():
        shown = not packet.is_discard and not (hides and _is_hidden_vp8(packet))
        found.append((packet.pts, packet.size, packet.is_keyframe, shown))
        if len(found) % 256 == 0:
            deadline.check()
            check_count(path, len(found), limits)
    if not found:
        raise VideoError(path, "its video stream is empty")
    check_count(path, len(found), limits)
    return PacketList(*map(list, zip(*found, strict=True)))


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


def _agrees(
    table: FrameTable, path: str, feed: PacketFeed, deadline: Deadline, limits: ReadLimits
) -> bool:
    """Whether decoding gives the frames of the table, as far as that must be tried."""
    if feed.quick and feed.codec.name in _ONE_PACKET_ONE_FRAME:
        return True
    packed = feed.format_name == "avi" and feed.codec.name == "mpeg4"
    wanted = table.times[: _PACKED_AVI_FRAMES if packed else _TRIED_FRAMES].tolist()
    return _decoded_times(path, deadline, limits, stop=len(wanted)) == wanted


def _decoded_times(
    path: str, deadline: Deadline, limits: ReadLimits, *, stop: int
) -> list[int | None]:
    """Decode from the start and note the times of what comes out, up to the first damage."""
    feed = PacketFeed(path, limits, quick=False)
    times: list[int | None] = []
    try:
        feed.open(deadline)
        for packet in chain(feed.rest(), (None,)):
            times += [frame.pts for frame in feed.codec.decode(packet)]
            deadline.check()
            if len(times) >= stop:
                break
    except av.error.InvalidDataError:
        pass  # a file that was cut off; what stands before the cut counts
    finally:
        feed.close()
    return times[:stop]
