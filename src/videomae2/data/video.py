"""Read exact frames of a video file, decoding no more than they need.

How: a table says which packet holds which frame (`frame_table.py`). A read seeks to the key
packet before its first frame, feeds the decoder packet by packet, lets it drop frames that
nobody wants and no other frame leans on, and flushes it right after the last one instead of
waiting for the frames it holds back. Every packet is compared with the table. Wherever the
file does not behave as the table says, the frames come from decoding the file from its start.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from time import perf_counter

import av
from av.video.frame import VideoFrame

from videomae2.data.container import ffmpeg_errors, signature, states_its_frames
from videomae2.data.frame_table import FrameTable, TableCache, spans
from videomae2.data.packets import MisledError, PacketFeed
from videomae2.data.picture import Canvas, Size, size_of, turn_of
from videomae2.data.readers import Deadline, Frames, Pixels, ReadLimits, Seconds, check_indices
from videomae2.data.table_building import build_table, check_count
from videomae2.errors import VideoError

TABLES = TableCache(max_bytes=128 * 1024**2)
"""Of this process; a table takes some 40 bytes a frame."""

# Decoders that look at `skip_frame` for every packet; dav1d (AV1) takes it once, at opening.
_SKIPS = {"h264", "hevc", "mpeg4", "mpeg2video", "vp8", "vp9"}


class VideoFile:
    """A `Reader` of the first video stream of a file."""

    def __init__(self, path: Path | str, *, pixels: Pixels, limits: ReadLimits) -> None:
        self._path, self._pixels, self._limits = str(path), pixels, limits
        self.timings = {"open": 0.0, "index": 0.0, "decode": 0.0, "convert": 0.0}
        """Seconds spent so far, by stage; `decode` includes seeking and reading packets."""
        self._deadline: Deadline | None = Deadline(self._path, limits.seconds)
        self._feed = PacketFeed(self._path, limits, quick=states_its_frames(path))
        self._first_size: Size | None = None
        self._table = self._find_table()

    @property
    def num_frames(self) -> int:
        return len(self._table.seconds)

    @property
    def seconds(self) -> Seconds:
        return self._table.seconds

    @property
    def table(self) -> FrameTable:
        """Which packet holds which frame."""
        return self._table

    def read(self, indices: Sequence[int]) -> Frames:
        check_indices(self._path, indices, self.num_frames)
        if not indices:
            return self.read([0])[:0]
        deadline = self._deadline or Deadline(self._path, self._limits.seconds)
        self._deadline = None  # what opening left of the time is for the first read only
        with ffmpeg_errors(self._path, deadline):
            return self._read(indices, deadline)

    def close(self) -> None:
        self._feed.close()

    def __enter__(self) -> "VideoFile":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _find_table(self) -> FrameTable:
        key = signature(self._path)
        table = TABLES.get(key)
        if table is None:
            assert self._deadline is not None
            with ffmpeg_errors(self._path, self._deadline):
                self._open(self._deadline)
                start = perf_counter()
                table = build_table(self._path, self._feed, self._deadline, self._limits)
                self.timings["index"] += perf_counter() - start
            TABLES.put(key, table)
        check_count(self._path, len(table.seconds), self._limits)
        return table

    def _open(self, deadline: Deadline) -> None:
        if not self._feed.is_open:
            start = perf_counter()
            self._feed.open(deadline)
            self.timings["open"] += perf_counter() - start

    def _read(self, indices: Sequence[int], deadline: Deadline) -> Frames:
        self._open(deadline)
        start, converting = perf_counter(), self.timings["convert"]
        try:
            return self._read_spans(indices, deadline)
        except (MisledError, av.error.InvalidDataError):
            return self._read_from_start(indices, deadline)
        finally:
            converting = self.timings["convert"] - converting
            self.timings["decode"] += perf_counter() - start - converting

    def _read_spans(self, indices: Sequence[int], deadline: Deadline) -> Frames:
        """Decode only what leads to the wanted frames.

        Raises:
            MisledError: If that does not give every frame, or one that the decoder mended.
        """
        table, feed = self._table, self._feed
        if table.counted:
            raise MisledError
        gather = _Gather(self, table.times[list(indices)].tolist())
        for span in spans(table, indices):
            packets = feed.run(table, span, deadline)
            codec = feed.codec
            # The quick opening does not find out how long frames are to be held back.
            codec.reorder_depth = max(codec.reorder_depth, table.reorder)
            skips, skipping = codec.name in _SKIPS, False
            codec.skip_frame = "DEFAULT"
            for packet in packets:
                if skips and skipping is not (packet.pts not in gather.rows):
                    skipping = not skipping
                    codec.skip_frame = "NONREF" if skipping else "DEFAULT"
                gather.take_sound(codec.decode(packet))
            gather.take_sound(codec.decode(None))
        if gather.rows:
            raise MisledError
        return gather.frames

    def _read_from_start(self, indices: Sequence[int], deadline: Deadline) -> Frames:
        """Decode everything up to the last wanted frame: slow, and right for every file."""
        counted = self._table.counted
        keys = self._table.times[list(indices)].tolist()
        gather = _Gather(self, keys)
        try:
            for number, frame in enumerate(frames_from_start(self._path, self._limits, deadline)):
                gather.take(number if counted else frame.pts, frame)
                if not gather.rows:
                    return gather.frames
        except av.error.InvalidDataError as error:
            raise self._damaged(indices, keys, gather) from error
        raise self._damaged(indices, keys, gather)

    def _damaged(self, indices: Sequence[int], keys: list[int], gather: "_Gather") -> VideoError:
        lost = min(index for index, key in zip(indices, keys, strict=True) if key in gather.rows)
        reason = f"frame {lost} of {self.num_frames} cannot be decoded, the file is damaged there"
        return VideoError(self._path, reason)

    def canvas(self, count: int, frame: VideoFrame) -> Canvas:
        """Make the array for so many frames; `frame` is any of the video.

        All get the size of the video's first frame: that is what its header says, unless a
        frame says otherwise and the first one must be looked at.
        """
        size = self._first_size or self._feed.size
        if size != size_of(frame) and self._first_size is None:
            deadline = Deadline(self._path, self._limits.seconds)
            size = self._first_size = size_of(
                next(frames_from_start(self._path, self._limits, deadline), frame)
            )
        turn, limits = turn_of(frame), self._limits
        return Canvas(self._path, count, size, turn, pixels=self._pixels, limits=limits)


def frames_from_start(path: str, limits: ReadLimits, deadline: Deadline) -> Iterator[VideoFrame]:
    """Decode a file from its start to its end; the deadline is looked at after every packet."""
    feed = PacketFeed(path, limits, quick=False)
    try:
        feed.open(deadline)
        for packet in chain(feed.rest(), (None,)):
            yield from feed.codec.decode(packet)
            deadline.check()
    finally:
        feed.close()


class _Gather:
    """The frames that a read still waits for, and the canvas of those that came."""

    def __init__(self, file: VideoFile, keys: Sequence[int]) -> None:
        self._file, self._count = file, len(keys)
        self.rows: dict[int, list[int]] = {}
        """Where in the result a frame goes, by its time in ticks or its number."""
        for row, key in enumerate(keys):
            self.rows.setdefault(key, []).append(row)
        self._canvas: Canvas | None = None

    @property
    def frames(self) -> Frames:
        assert self._canvas is not None
        return self._canvas.frames

    def take_sound(self, frames: list[VideoFrame]) -> None:
        """Keep the wanted ones of these frames.

        Raises:
            MisledError: If the decoder had to make up parts of one, wanted or leant on.
        """
        for frame in frames:
            if frame.is_corrupt:
                raise MisledError
            self.take(frame.pts, frame)

    def take(self, key: int | None, frame: VideoFrame) -> None:
        """Keep a frame if it is wanted."""
        rows = None if key is None else self.rows.pop(key, None)
        if rows is None:
            return
        start = perf_counter()
        self._canvas = self._canvas or self._file.canvas(self._count, frame)
        self._canvas.paint(rows[0], frame)
        for row in rows[1:]:
            self._canvas.frames[row] = self._canvas.frames[rows[0]]
        self._file.timings["convert"] += perf_counter() - start
