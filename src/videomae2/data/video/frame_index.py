"""Which packet of a video file holds which frame, and from where it must be decoded.

Two orders are told apart: *frames* count in the order of presentation, *packets* in the order
in which they lie in the file, which is the order of decoding. Times are in ticks of the
stream's clock.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

from videomae2.data.video.reader import format_os_error
from videomae2.errors import VideoError


@dataclass(frozen=True, slots=True, eq=False)
class FrameIndex:
    """The frames and packets of one stream."""

    seconds: Float64[np.ndarray, " frames"]
    """When a frame is shown, counted from the first."""
    times: Int64[np.ndarray, " frames"]
    """When a frame is shown, in ticks; its number if frames are counted."""
    packet_of_frame: Int32[np.ndarray, " frames"]
    """The packet a frame is in."""
    packet_times: Int64[np.ndarray, " packets"]
    packet_sizes: Int32[np.ndarray, " packets"]
    """In bytes; with the time, tells a packet from all others."""
    start_packet: Int32[np.ndarray, " packets"]
    """The key packet from which decoding reaches this one."""
    reorder_depth: int
    """How many packets the decoder must hold back to give frames in order."""
    by_count: bool = False
    """Whether times cannot be trusted, so that only counting from the start finds a frame."""
    start_seconds: float = 0.0
    """When players show the first frame, which may come after the sound."""

    @property
    def nbytes(self) -> int:
        arrays = (self.seconds, self.times, self.packet_of_frame)
        packets = (self.packet_times, self.packet_sizes, self.start_packet)
        return sum(array.nbytes for array in arrays + packets)


class PacketList(NamedTuple):
    """What one pass over a file notes of its packets, in file order."""

    times: list[int | None]
    sizes: list[int]
    is_key: list[bool]
    is_shown: list[bool]


class DecodeRange(NamedTuple):
    """Packets to decode in one go; the first is a key packet, the last holds a wanted frame."""

    first: int
    last: int


MAX_REORDER_DEPTH = 16
"""As many frames as FFmpeg's decoders hold back; told to hold back more, they end the process."""


def index_from_packets(packets: PacketList, tick_seconds: float) -> FrameIndex | None:
    """Make a table from packets alone; None if their times do not tell the frames apart."""
    if not any(packets.is_shown) or None in packets.times or not packets.is_key[0]:
        return None
    times = np.array(packets.times, np.int64)
    shown_packets = np.flatnonzero(packets.is_shown)
    order = shown_packets[np.argsort(times[shown_packets], kind="stable")]
    frames = times[order]
    # A frame before the first key packet's leans on something that was cut off.
    if np.any(np.diff(frames) == 0) or (
        times[shown_packets].min() < times[0] and packets.is_shown[0]
    ):
        return None
    return _keep_decodable(_build_index(frames, order, packets, times, tick_seconds))


def _keep_decodable(index: FrameIndex) -> FrameIndex | None:
    """None where packets are so far from the order of frames that only counting finds them."""
    return index if index.reorder_depth <= MAX_REORDER_DEPTH else None


def index_from_frames(
    frames: Sequence[int], packets: PacketList, tick_seconds: float
) -> FrameIndex | None:
    """Make a table from the times that came out of a decoder; None if packets do not match."""
    if not frames or None in packets.times or not packets.is_key[0]:
        return None
    times = np.array(packets.times, np.int64)
    by_time, position = np.unique(times, return_index=True)
    frame_times = np.array(frames, np.int64)
    position_in_order = np.minimum(np.searchsorted(by_time, frame_times), len(by_time) - 1)
    if (
        len(by_time) < len(times)
        or np.any(by_time[position_in_order] != frame_times)
        or np.any(np.diff(frame_times) <= 0)
    ):
        return None
    index = _build_index(frame_times, position[position_in_order], packets, times, tick_seconds)
    return _keep_decodable(index)


def index_from_counts(seconds: Sequence[float]) -> FrameIndex:
    """Make a table that only knows how many frames there are and when they are shown."""
    count = np.arange(len(seconds))
    empty = np.zeros(0, np.int32)
    return FrameIndex(
        seconds=_make_rise(np.array(seconds, np.float64) - seconds[0]),
        times=count,
        packet_of_frame=count.astype(np.int32),
        packet_times=empty.astype(np.int64),
        packet_sizes=empty,
        start_packet=empty,
        reorder_depth=0,
        by_count=True,
    )


def _make_rise(seconds: Float64[np.ndarray, " frames"]) -> Float64[np.ndarray, " frames"]:
    """A clock that never falls: one that is set back goes on, as where recordings were joined.

    Frames that are out of order by less than decoders hold back are shown with the one before.
    """
    steps = np.diff(seconds)
    rising = steps[steps > 0]
    duration = float(np.median(rising)) if len(rising) else 0.0
    result, latest, shift = [], seconds[0], 0.0
    for moment in seconds.tolist():
        if moment + shift < latest - MAX_REORDER_DEPTH * duration:
            shift = latest + duration - moment
        latest = max(latest, moment + shift)
        result.append(latest)
    return np.array(result)


def _build_index(
    frames: Int64[np.ndarray, " frames"],
    order: Int64[np.ndarray, " frames"],
    packets: PacketList,
    times: Int64[np.ndarray, " packets"],
    tick_seconds: float,
) -> FrameIndex:
    rank = np.empty(len(times), np.int64)
    rank[np.argsort(times, kind="stable")] = np.arange(len(times))
    return FrameIndex(
        seconds=(frames - frames[0]) * tick_seconds,
        times=frames,
        packet_of_frame=order.astype(np.int32),
        packet_times=times,
        packet_sizes=np.array(packets.sizes, np.int32),
        start_packet=_compute_start_packets(times, np.array(packets.is_key, np.bool_)),
        reorder_depth=int((np.arange(len(times)) - rank).max()),
    )


def _compute_start_packets(
    times: Int64[np.ndarray, " packets"], keys: Bool[np.ndarray, " packets"]
) -> Int32[np.ndarray, " packets"]:
    """For each packet, the key packet at or before it; one more back for leading frames.

    In an open group of pictures, frames shown before the key frame come after it in the file
    and lean on the group before (H.264 recovery points, HEVC clean random access).
    """
    position = np.arange(len(times), dtype=np.int32)
    last = np.maximum.accumulate(np.where(keys, position, 0))
    before = np.concatenate(([0], last[:-1]))  # the last key packet strictly before each packet
    return np.where(times < times[last], before[last], last).astype(np.int32)


def compute_decode_ranges(index: FrameIndex, indices: Sequence[int]) -> list[DecodeRange]:
    """Cut the packets that the wanted frames (in any order) need into runs to decode.

    A run ends at its last wanted frame; what follows up to the next needed key packet is left
    out. Runs that touch are one, so no packet is decoded twice.
    """
    ranges: list[DecodeRange] = []
    for last in np.unique(index.packet_of_frame[list(indices)]).tolist():
        first = int(index.start_packet[last])
        while ranges and first <= ranges[-1].last + 1:
            first = min(first, ranges.pop().first)
        ranges.append(DecodeRange(first, last))
    return ranges


def file_cache_key(path: Path | str) -> tuple[str, int, int]:
    """Tell this state of this file from all others: its path, size, time of change.

    Raises:
        VideoError: If it is gone or empty.
    """
    try:
        file_stat = os.stat(path)
    except OSError as error:
        raise VideoError(path, f"it cannot be opened: {format_os_error(error)}") from error
    if file_stat.st_size == 0:
        raise VideoError(path, "the file is empty; copy it here again")
    return os.fspath(path), file_stat.st_size, file_stat.st_mtime_ns


class IndexCache:
    """The tables used last, by ``file_cache_key``, within a number of bytes."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._indexes: OrderedDict[tuple[str, int, int], FrameIndex] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[str, int, int]) -> FrameIndex | None:
        with self._lock:
            if key in self._indexes:
                self._indexes.move_to_end(key)
            return self._indexes.get(key)

    def add(self, key: tuple[str, int, int], index: FrameIndex) -> None:
        with self._lock:
            previous = self._indexes.pop(key, None)
            self._bytes += index.nbytes - (previous.nbytes if previous else 0)
            self._indexes[key] = index
            while self._bytes > self.max_bytes and len(self._indexes) > 1:
                self._bytes -= self._indexes.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        with self._lock:
            self._indexes.clear()
            self._bytes = 0
