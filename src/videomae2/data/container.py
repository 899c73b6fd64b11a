"""Open a video file with PyAV, and say in words what FFmpeg has against it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from videomae2.data.readers import Deadline, ReadLimits, format_os_error
from videomae2.errors import VideoError

if TYPE_CHECKING:  # PyAV's own files say so, but its class takes no index
    VideoPacket = Packet[VideoStream]
else:
    VideoPacket = Packet

# PyAV 18 refuses a file whose title is not UTF-8 unless told; PyAV 19 dropped the setting.
_METADATA_OPTIONS: Any = {"metadata_errors": "replace"} if av.__version__.startswith("18.") else {}

# Play lists that make FFmpeg open other files, and pictures: not what a video file is.
_NON_VIDEO_FORMATS = {"hls", "concat", "concatf", "dash", "sdp", "rtsp", "imf", "image2", "tty"}


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
        raise VideoError(path, "the file is empty")
    return os.fspath(path), file_stat.st_size, file_stat.st_mtime_ns


def open_container(
    path: Path | str, deadline: Deadline, limits: ReadLimits, *, quick: bool
) -> tuple[InputContainer, VideoStream]:
    """Open a file and its first video stream, ready to decode in this thread alone.

    Args:
        path: The file.
        deadline: Ends the probing of the file and every wait for data.
        limits: The largest frame.
        quick: Leave out FFmpeg's look at the first frames. It decodes a whole key frame (2.3 of
            2.5 ms for 340x256 H.264) to learn what MP4 and Matroska state in their headers.

    Raises:
        VideoError: If there is no video stream that can be decoded.
    """
    # A bare path could be taken for an address; "file:" and the list keep FFmpeg on this disk.
    container = av.open(
        f"file:{os.fspath(path)}",
        options={"skip_frame": "all"} if quick else {"max_pixels": str(limits.max_pixels)},
        container_options={"protocol_whitelist": "file"}
        | ({"analyzeduration": "1"} if quick else {}),
        timeout=deadline.remaining,
        **_METADATA_OPTIONS,
    )
    try:
        return container, _select_stream(path, container, limits, quick)
    except VideoError:
        container.close()
        raise


def _select_stream(
    path: Path | str, container: InputContainer, limits: ReadLimits, quick: bool
) -> VideoStream:
    if _NON_VIDEO_FORMATS.intersection(container.format.name.split(",")):
        raise VideoError(path, f"it is not a video file ({container.format.long_name})")
    # A cover picture is a video stream to FFmpeg.
    streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
    if not streams:
        raise VideoError(path, "it has no video stream")
    stream, codec = streams[0], streams[0].codec_context
    if codec is None:
        raise VideoError(path, "no decoder is there for its video stream")
    if not codec.width and not quick:  # probing gives up above the limit, and on nonsense
        limit = limits.max_pixels
        raise VideoError(path, f"its frames have no size, or more than the limit of {limit} pixels")
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
        raise VideoError(path, "the data is damaged, cut off or not a video") from error
    except EOFError as error:
        raise VideoError(path, "the file ends too early") from error
    except MemoryError as error:
        raise VideoError(path, "there is not enough memory for its frames") from error
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(path, f"FFmpeg cannot read it: {format_os_error(error)}") from error
    except (ValueError, ArithmeticError, LookupError, RuntimeError) as error:
        raise VideoError(path, f"PyAV cannot read it: {format_os_error(error)}") from error
