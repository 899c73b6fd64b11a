"""Read exact frames of a video file, decoding no more than they need.

How: an index says which packet holds which frame (`frame_index.py`). A read seeks to the key
packet before its first frame, feeds the decoder packet by packet, lets it drop frames that
nobody wants and no other frame leans on, and flushes it right after the last one instead of
waiting for the frames it holds back. Every packet is compared with the index. Wherever the
file does not behave as the index says, the frames come from decoding the file from its start.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from time import perf_counter

import av
from av.video.frame import VideoFrame

from videomae2.data.video.convert import (
    FrameBuffer,
    FrameSize,
    coded_size,
    read_rotation,
    shown_size,
)
from videomae2.data.video.frame_index import (
    FrameIndex,
    IndexCache,
    compute_decode_ranges,
    file_cache_key,
)
from videomae2.data.video.index_builder import build_index, check_count, decode_from_start
from videomae2.data.video.packets import (
    IndexMismatchError,
    PacketReader,
    has_frame_headers,
    translate_ffmpeg_errors,
)
from videomae2.data.video.reader import (
    COPY_AGAIN,
    Deadline,
    Frames,
    Pixels,
    Reader,
    ReadLimits,
    Seconds,
    check_indices,
)
from videomae2.errors import VideoError

INDEX_CACHE = IndexCache(max_bytes=128 * 1024**2)
"""Of this process; a table takes some 40 bytes a frame."""

# Decoders that look at `skip_frame` for every packet; dav1d (AV1) takes it once, at opening.
_SKIP_FRAME_CODECS = {"h264", "hevc", "mpeg4", "mpeg2video", "vp8", "vp9"}


class VideoFile(Reader):
    """A `Reader` of the first video stream of a file."""

    def __init__(self, path: Path | str, *, pixels: Pixels, limits: ReadLimits) -> None:
        self._path, self._pixels, self._limits = str(path), pixels, limits
        self.timings = {"open": 0.0, "index": 0.0, "decode": 0.0, "convert": 0.0}
        """Seconds spent so far, by stage; `decode` includes seeking and reading packets."""
        self._deadline: Deadline | None = Deadline(self._path, limits.timeout_seconds)
        self._packet_reader = PacketReader(self._path, limits, quick=has_frame_headers(path))
        self._first_size: FrameSize | None = None
        self.frame_index = self._load_index()
        """Which packet holds which frame."""
        self.seconds: Seconds = self.frame_index.seconds
        self.start_seconds = self.frame_index.start_seconds
        self.num_frames = len(self.seconds)

    def read(self, indices: Sequence[int]) -> Frames:
        check_indices(self._path, indices, self.num_frames)
        if not indices:
            return self.read([0])[:0]
        deadline = self._deadline or Deadline(self._path, self._limits.timeout_seconds)
        self._deadline = None  # what opening left of the time is for the first read only
        with translate_ffmpeg_errors(self._path, deadline):
            return self._read(indices, deadline)

    @property
    def pixel_aspect(self) -> Fraction:
        """How wide a pixel is shown for its height."""
        self._open(self._deadline or Deadline(self._path, self._limits.timeout_seconds))
        return self._packet_reader.pixel_aspect

    def close(self) -> None:
        self._packet_reader.close()

    def _load_index(self) -> FrameIndex:
        key = file_cache_key(self._path)
        index = INDEX_CACHE.get(key)
        if index is None:
            assert self._deadline is not None
            with translate_ffmpeg_errors(self._path, self._deadline):
                self._open(self._deadline)
                start = perf_counter()
                index = build_index(self._path, self._packet_reader, self._deadline, self._limits)
                self.timings["index"] += perf_counter() - start
            INDEX_CACHE.add(key, index)
        check_count(self._path, len(index.seconds), self._limits)
        return index

    def _open(self, deadline: Deadline) -> None:
        if not self._packet_reader.is_open:
            start = perf_counter()
            self._packet_reader.open(deadline)
            self.timings["open"] += perf_counter() - start

    def _read(self, indices: Sequence[int], deadline: Deadline) -> Frames:
        self._open(deadline)
        start, converting = perf_counter(), self.timings["convert"]
        try:
            return self._read_ranges(indices, deadline)
        except (IndexMismatchError, av.error.InvalidDataError):
            return self._read_from_start(indices, deadline)
        finally:
            converting = self.timings["convert"] - converting
            self.timings["decode"] += perf_counter() - start - converting

    def _read_ranges(self, indices: Sequence[int], deadline: Deadline) -> Frames:
        """Decode only what leads to the wanted frames; IndexMismatchError if that misses some."""
        frame_index, packet_reader = self.frame_index, self._packet_reader
        if frame_index.by_count:
            raise IndexMismatchError
        collector = _FrameCollector(self, frame_index.times[list(indices)].tolist())
        for packet_range in compute_decode_ranges(frame_index, indices):
            packets = packet_reader.iterate_range(frame_index, packet_range, deadline)
            codec = packet_reader.codec
            # The quick opening does not find out how long frames are to be held back.
            codec.reorder_depth = max(codec.reorder_depth, frame_index.reorder_depth)
            can_skip, is_skipping = codec.name in _SKIP_FRAME_CODECS, False
            codec.skip_frame = "DEFAULT"
            for packet in packets:
                if can_skip and is_skipping is not (packet.pts not in collector.rows):
                    is_skipping = not is_skipping
                    codec.skip_frame = "NONREF" if is_skipping else "DEFAULT"
                collector.add_intact(codec.decode(packet))
            collector.add_intact(codec.decode(None))
        if collector.rows:
            raise IndexMismatchError
        return collector.frames

    def _read_from_start(self, indices: Sequence[int], deadline: Deadline) -> Frames:
        """Decode everything up to the last wanted frame: slow, and right for every file."""
        by_count = self.frame_index.by_count
        keys = self.frame_index.times[list(indices)].tolist()
        collector = _FrameCollector(self, keys)
        try:
            decoded = decode_from_start(self._path, self._limits, deadline)
            for number, (frame, is_damaged) in enumerate(decoded):
                key = number if by_count else frame.pts
                if is_damaged and key in collector.rows:
                    raise self._build_damage_error(indices, keys, collector, key)
                collector.add(key, frame)
                if not collector.rows:
                    return collector.frames
        except av.error.InvalidDataError as error:
            raise self._build_damage_error(indices, keys, collector) from error
        raise self._build_damage_error(indices, keys, collector)

    def _build_damage_error(
        self,
        indices: Sequence[int],
        keys: list[int],
        collector: "_FrameCollector",
        lost_key: int | None = None,
    ) -> VideoError:
        lost_keys = collector.rows if lost_key is None else (lost_key,)
        lost_index = min(
            index for index, key in zip(indices, keys, strict=True) if key in lost_keys
        )
        return build_damage_error(self._path, lost_index, self.num_frames)

    def new_buffer(self, count: int, frame: VideoFrame) -> FrameBuffer:
        """Make the array for so many frames; `frame` is any of the video.

        All get the size of the video's first frame: that is what its header says, unless a
        frame says otherwise and the first one must be looked at.
        """
        size = self._first_size or self._packet_reader.size
        if size != coded_size(frame) and self._first_size is None:
            deadline = Deadline(self._path, self._limits.timeout_seconds)
            first = next(decode_from_start(self._path, self._limits, deadline), None)
            size = self._first_size = coded_size(first.frame if first else frame)
        rotation, limits = read_rotation(frame), self._limits
        size = shown_size(size, self._packet_reader.pixel_aspect, limits)
        return FrameBuffer(self._path, count, size, rotation, pixels=self._pixels, limits=limits)


def build_damage_error(path: str, index: int, num_frames: int) -> VideoError:
    """The error of a frame that is lost."""
    return VideoError(
        path,
        f"frame {index} of {num_frames} cannot be decoded, the file is damaged there; {COPY_AGAIN}",
    )


class _FrameCollector:
    """The frames that a read still waits for, and the canvas of those that came."""

    def __init__(self, file: VideoFile, keys: Sequence[int]) -> None:
        self._file, self._count = file, len(keys)
        self.rows: dict[int, list[int]] = {}
        """Where in the result a frame goes, by its time in ticks or its number."""
        for row, key in enumerate(keys):
            self.rows.setdefault(key, []).append(row)
        self._buffer: FrameBuffer | None = None

    @property
    def frames(self) -> Frames:
        assert self._buffer is not None
        return self._buffer.frames

    def add_intact(self, frames: list[VideoFrame]) -> None:
        """Keep the wanted ones of these frames.

        Raises:
            IndexMismatchError: If the decoder had to make up parts of one, wanted or leant on.
        """
        for frame in frames:
            if frame.is_corrupt:
                raise IndexMismatchError
            self.add(frame.pts, frame)

    def add(self, key: int | None, frame: VideoFrame) -> None:
        """Keep a frame if it is wanted."""
        rows = None if key is None else self.rows.pop(key, None)
        if rows is None:
            return
        start = perf_counter()
        self._buffer = self._buffer or self._file.new_buffer(self._count, frame)
        self._buffer.write(rows[0], frame)
        for row in rows[1:]:
            self._buffer.frames[row] = self._buffer.frames[rows[0]]
        self._file.timings["convert"] += perf_counter() - start
