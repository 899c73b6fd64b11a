"""Tell whole frames from those that lean on damage, as a decoder gives them out.

A decoder marks the frame of which it made up parts, but not those that copy from it: all that are
decoded after it, up to the next whole key frame. Frames come out in the order of presentation, so
some that lean on a frame (B-frames) come out before it: each is held until what was decoded before
it is out.
"""

import re
from bisect import insort
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

_COPY_OPAQUE = 1 << 7  # FFmpeg's flag: a frame says which packet it was in
_MAX_DELAY = 34  # packets; decoders hold back 16 frames, of which each may be two fields
_ALWAYS_UNUSED_B = {"mpeg1video", "mpeg2video", "mpeg4", "vc1", "wmv3", "h263"}
_WITH_RECOVERY_POINTS = {"h264", "hevc"}


class MarkedFrame(NamedTuple):
    """A frame, and whether it or what it leans on is damaged."""

    frame: VideoFrame
    is_damaged: bool


class _Held(NamedTuple):
    frame: VideoFrame
    number: int
    position: int


@dataclass(order=True, slots=True)
class _Mark:
    """From a packet on frames are damaged, or whole again."""

    position: int
    is_whole: bool
    number: int | None = field(default=None, compare=False)
    """Of the frame in the order of presentation; None until it is out."""


class MarkingDecoder:
    """A decoder that says of each frame whether it is damaged."""

    def __init__(self, codec: VideoCodecContext) -> None:
        self._codec = codec
        codec.flags |= _COPY_OPAQUE
        self._num_fed = self._num_out = 0
        self._recent = deque[tuple[int, Any]](maxlen=_MAX_DELAY)
        self._pending: dict[int, Any] = {}
        """Packets whose frames are not out, by position in the order of decoding."""
        self._held = deque[_Held]()
        self._shown = deque[tuple[int, int]](maxlen=_MAX_DELAY)
        """Position and number of the last frames that came out."""
        self._marks: list[_Mark] = []
        """From the first damage on; empty as long as all is well."""
        self._refresh: VideoCodecContext | None = None

    def iterate(self, packets: Iterable[Any], *, skip_damage: bool) -> Iterator[MarkedFrame]:
        """Every frame of these packets and of what the decoder holds back behind them.

        ``skip_damage``: go on after packets that cannot be decoded.

        Raises:
            av.error.InvalidDataError: A packet cannot be decoded; frames before it were given.
        """
        for packet in packets:
            try:
                yield from self.decode(packet)
            except av.error.InvalidDataError:
                if not skip_damage:
                    yield from self._release_all()
                    raise
        yield from self.flush(skip_damage=skip_damage)

    def decode(self, packet: Any) -> list[MarkedFrame]:
        """Take the next packet, and give the frames of which is known whether they are whole.

        Raises:
            av.error.InvalidDataError: It cannot be decoded.
        """
        position = self._num_fed
        self._feed(packet)
        try:
            frames = self._codec.decode(packet)
        except av.error.InvalidDataError:
            del self._pending[position]
            if self._pending or self._num_out:  # else there was nothing to damage
                self._add_damage(position)
            raise
        for frame in frames:
            self._take(frame)
        return self._release()

    def flush(self, *, skip_damage: bool = True) -> list[MarkedFrame]:
        """Give what is held back, at the end.

        Raises:
            av.error.InvalidDataError: It cannot be decoded, and damage is not skipped.
        """
        try:
            for frame in self._codec.decode(None):
                self._take(frame)
        except av.error.InvalidDataError:
            if not skip_damage and not self._held:
                raise
        return self._release_all()

    def _feed(self, packet: Any) -> None:
        position, self._num_fed = self._num_fed, self._num_fed + 1
        packet.opaque = position
        self._recent.append((position, packet))
        self._pending[position] = packet
        self._pending.pop(position - _MAX_DELAY, None)
        if self._is_damaged_at_end:
            if self._refresh is None and packet.is_keyframe:
                self._refresh = self._start_refresh()
            self._feed_refresh(packet)

    def _take(self, frame: VideoFrame) -> None:
        """Note a frame that came out."""
        position: Any = frame.opaque
        if position is None:  # a decoder that does not say so
            position = min(self._pending, default=self._num_fed)
        packet = self._pending.pop(position, None)
        number, self._num_out = self._num_out, self._num_out + 1
        self._held.append(_Held(frame, number, position))
        self._shown.append((position, number))
        for mark in self._marks:
            if mark.position == position:
                mark.number = number
        if frame.is_corrupt:
            if not is_unused(self._codec.name, frame, packet):
                self._add_damage(position)
        elif frame.key_frame and self._marks:
            self._add_whole(_Mark(position, True, number))

    def _release(self) -> list[MarkedFrame]:
        frames = []
        while self._held and not self._must_wait(self._held[0]):
            frames.append(self._mark(self._held.popleft()))
        last = self._marks[-1] if self._marks else None
        if last and last.is_whole and last.number is not None and not self._held:
            self._marks.clear()
        return frames

    def _release_all(self) -> list[MarkedFrame]:
        frames = [self._mark(held) for held in self._held]
        self._held.clear()
        return frames

    def _must_wait(self, held: _Held) -> bool:
        """Whether a frame that was decoded before is to be shown behind it."""
        shown = held.frame.pts
        for position, packet in self._pending.items():
            if position >= held.position:
                return False
            if shown is None or packet.pts is None:
                if self._num_fed - position <= 2 * self._codec.reorder_depth + 3:
                    return True
            elif packet.pts > shown:
                return True
        return False

    def _mark(self, held: _Held) -> MarkedFrame:
        is_damaged = False
        for mark in self._marks:
            if mark.position > held.position:
                break
            # what is shown before a key frame leans on the frames before that
            is_behind = mark.number is not None and mark.number <= held.number
            is_damaged = is_damaged and not is_behind if mark.is_whole else True
        return MarkedFrame(held.frame, is_damaged or held.frame.is_corrupt)

    # ---- damage, and what ends it

    @property
    def _is_damaged_at_end(self) -> bool:
        return bool(self._marks) and not self._marks[-1].is_whole

    def _add_damage(self, position: int) -> None:
        insort(self._marks, _Mark(position, False))
        self._refresh = None
        behind = [packet for at, packet in self._recent if at > position]
        for packet in behind:
            if not self._is_damaged_at_end:
                break
            if self._refresh is None and packet.is_keyframe:
                self._refresh = self._start_refresh()
            self._feed_refresh(packet)

    def _add_whole(self, mark: _Mark) -> None:
        insort(self._marks, mark)
        if not self._is_damaged_at_end:
            self._refresh = None

    def _start_refresh(self) -> VideoCodecContext | None:
        """A decoder that starts afresh: its first frame tells where a gradual refresh ends."""
        if self._codec.name not in _WITH_RECOVERY_POINTS:
            return None
        decoder = av.CodecContext.create(self._codec.name, "r")
        assert isinstance(decoder, VideoCodecContext)
        if self._codec.extradata:
            decoder.extradata = self._codec.extradata
        decoder.thread_type, decoder.thread_count = "NONE", 1
        decoder.flags |= _COPY_OPAQUE
        decoder.options = self._codec.options
        return decoder

    def _feed_refresh(self, packet: Any) -> None:
        if self._refresh is None:
            return
        try:
            frames = self._refresh.decode(packet)
        except av.error.InvalidDataError:
            return
        for frame in frames:
            position: Any = frame.opaque
            if not frame.is_corrupt and position is not None:
                number = dict(self._shown).get(position)
                self._add_whole(_Mark(position, True, number))
                return


def is_unused(codec_name: str, frame: VideoFrame, packet: Any) -> bool:
    """Whether no other frame leans on this one."""
    if codec_name in _ALWAYS_UNUSED_B:
        return frame.pict_type == PictureType.B
    if packet is None or codec_name not in _WITH_RECOVERY_POINTS:
        return False
    heads = list(_iterate_nal_heads(bytes(packet)))
    if codec_name == "h264":  # ITU-T H.264, 7.3.1: two bits say whether it is a reference
        slices = [head for head in heads if head & 31 in (1, 2, 3, 4, 5)]
        return bool(slices) and not any(head & 0x60 for head in slices)
    types = [head >> 1 & 63 for head in heads if head >> 1 & 63 < 32]  # H.265, table 7-1
    return bool(types) and all(kind < 16 and kind % 2 == 0 for kind in types)


def _iterate_nal_heads(data: bytes) -> Iterator[int]:
    """The first byte of each unit of a packet, behind start codes or lengths."""
    if data.startswith((b"\0\0\1", b"\0\0\0\1")):
        yield from (match[1][0] for match in re.finditer(rb"\x00\x00\x01(.)", data, re.DOTALL))
        return
    at = 0
    while at + 4 < len(data):
        yield data[at + 4]
        at += 4 + int.from_bytes(data[at : at + 4], "big")
