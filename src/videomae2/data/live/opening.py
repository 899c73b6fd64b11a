"""Open a stream with FFmpeg: what it may take for it, and how long."""

import os
from collections.abc import Callable
from typing import Any

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from videomae2.data.live.errors import NOT_A_VIDEO, check_host
from videomae2.data.live.pipe import PipeFile
from videomae2.data.live.sources import PROTOCOLS, StreamSource
from videomae2.data.video.packets import METADATA_OPTIONS, select_video_stream
from videomae2.data.video.reader import ReadLimits
from videomae2.errors import VideoError

_CAMERA_FORMAT = "v4l2"
_STILL_FORMATS = {"image2", "tty", "concat", "sdp", "imf"}
"""Not what a stream is; of these, lists that make FFmpeg open other files."""
INDEX_BEHIND = (
    "it is an MP4 that is cut off, or whose index comes at its end, too late for a stream; "
    "write it with -movflags +faststart, or as MPEG-TS"
)
_ADDRESS_OPTIONS = {
    "rtsp": {"rtsp_flags": "prefer_tcp"},  # over UDP frames would be lost in silence
    "rtsps": {"rtsp_flags": "prefer_tcp"},
}


def open_stream(
    source: StreamSource,
    limits: ReadLimits,
    *,
    connect_seconds: float,
    silence_seconds: float,
    descriptor: int | None,
    head: bytes,
    wait_seconds: Callable[[], float],
    is_stopped: Callable[[], bool],
) -> tuple[InputContainer, VideoStream]:
    """Open a stream and its first video, ready to decode.

    Args:
        source: The stream.
        limits: What a frame may cost.
        connect_seconds: How long FFmpeg may take to open it.
        silence_seconds: And for each packet.
        descriptor: Of a pipe: where to read.
        head: What was read of it already.
        wait_seconds: As ``PipeFile`` takes it.
        is_stopped: As ``PipeFile`` takes it.

    Raises:
        VideoError: There is nothing, or no video in it.
        FFmpegError, OSError: What FFmpeg says, not yet in words.
    """
    file: Any
    if source.kind in ("pipe", "stdin"):
        assert descriptor is not None
        file = PipeFile(
            descriptor, source.name, head=head, wait_seconds=wait_seconds, is_stopped=is_stopped
        )
    else:
        file = f"file:{source.location}" if source.kind == "file" else source.location
    try:
        container = av.open(
            file,
            format=_CAMERA_FORMAT if source.kind == "camera" else None,
            options={"max_pixels": str(limits.max_pixels)},
            container_options=_choose_options(source),
            timeout=(connect_seconds, silence_seconds),
            **METADATA_OPTIONS,
        )
    except (av.error.InvalidDataError, EOFError) as error:
        if isinstance(file, PipeFile) and not file.seekable() and file.first_bytes[4:8] == b"ftyp":
            raise VideoError(source.name, INDEX_BEHIND) from error
        raise
    try:
        if _STILL_FORMATS.intersection(container.format.name.split(",")):
            raise VideoError(source.name, NOT_A_VIDEO)
        streams = container.streams.video
        if is_index_behind(container) and streams and not streams[0].codec_context.width:
            raise VideoError(source.name, INDEX_BEHIND)
        return container, select_video_stream(source.name, container, limits, quick=False)
    except VideoError:
        container.close()
        raise


def _choose_options(source: StreamSource) -> dict[str, str]:
    """How FFmpeg opens a kind of stream, which must be there.

    Raises:
        VideoError: It is not.
    """
    if source.kind == "camera":
        _check_camera(source)
        return {}
    if source.kind == "address":
        check_host(source)
        scheme = source.location.split("://")[0]
        return {"protocol_whitelist": PROTOCOLS[scheme]} | _ADDRESS_OPTIONS.get(scheme, {})
    return {"protocol_whitelist": "file"}  # a list in a file or a pipe must not open an address


def is_index_behind(container: InputContainer) -> bool:
    """Whether what is open may have its index at its end."""
    return "mp4" in container.format.name.split(",")


def _check_camera(source: StreamSource) -> None:
    if not os.path.exists(source.location):
        raise VideoError(source.name, f"there is no camera {source.location} on this machine")
    if not any(_CAMERA_FORMAT in names.split(",") for names in av.formats_available):
        raise VideoError(
            source.name,
            "this FFmpeg reads no cameras; give its bytes instead: ffmpeg -f v4l2 -i "
            f"{source.location} -f mpegts - | videomae2 predict MODEL -",
        )
