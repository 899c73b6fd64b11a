"""Why a stream cannot be read, in a sentence."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import av
import av.error

from videomae2.data.live.sources import StreamSource
from videomae2.data.video.reader import format_os_error
from videomae2.errors import VideoError, VideoTimeoutError

NOT_A_VIDEO = "what comes from there is not a video, or damaged"
_DEFAULT_PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322, "rtmp": 1935, "rtmps": 443}
_HTTP_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (av.error.HTTPUnauthorizedError, "it wants a user and a password: scheme://USER:PASSWORD@…"),
    (av.error.HTTPForbiddenError, "the server does not allow it (403)"),
    (av.error.HTTPNotFoundError, "the server has nothing at this address (404)"),
    (av.error.HTTPTooManyRequestsError, "the server was asked too often (429)"),
    (av.error.HTTPBadRequestError, "the server does not understand this address (400)"),
    (av.error.HTTPClientError, "the server refuses this address (4xx)"),
    (av.error.HTTPServerError, "the server has a fault of its own (5xx)"),
)


def check_host(source: StreamSource) -> None:
    """Refuse an address whose host nobody knows; FFmpeg does not tell that from other faults.

    Raises:
        VideoError: There is no such host, or the address names none.
    """
    try:
        parts = urlsplit(source.location)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise VideoError(source.name, f"its address is wrong: {error}") from error
    if not host:
        raise VideoError(source.name, "its address names no host")
    if parts.scheme == "udp":  # what is listened to
        return
    try:
        socket.getaddrinfo(host, port or _DEFAULT_PORTS.get(parts.scheme, 0))
    except (OSError, UnicodeError) as error:
        reason = format_os_error(error)
        raise VideoError(source.name, f"there is no host {host} here ({reason})") from error


def _format_host(source: StreamSource) -> str:
    parts = urlsplit(source.location)
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    return f"{parts.hostname}:{port}" if port else f"{parts.hostname}"


@contextmanager
def translate_stream_errors(
    source: StreamSource, *, limit_seconds: float, is_open: bool
) -> Iterator[None]:
    """Turn what PyAV raises into a ``VideoError`` that a person understands.

    Args:
        source: The stream.
        limit_seconds: What a wait was allowed.
        is_open: Whether it had begun; then it broke off.
    """
    started = time.monotonic()
    try:
        yield
    except VideoError:
        raise
    except (av.error.ExitError, av.error.TimeoutError) as error:
        raise build_silence_error(source, limit_seconds, is_open=is_open) from error
    except (av.error.FFmpegError, OSError, EOFError, MemoryError, ValueError, LookupError) as error:
        # some protocols make other errors of an answer that was waited for in vain
        if not is_open and time.monotonic() - started >= limit_seconds:
            raise build_silence_error(source, limit_seconds, is_open=False) from error
        raise VideoError(source.name, _describe(source, error, is_open=is_open)) from error


def build_silence_error(
    source: StreamSource, limit_seconds: float, *, is_open: bool
) -> VideoTimeoutError:
    """What to raise when nothing comes any more, or has not come at all."""
    if is_open:
        reason = f"no frame came for {limit_seconds:g} s (--silence-seconds)"
    elif source.kind == "address":
        reason = f"{_format_host(source)} does not answer within {limit_seconds:g} s"
    else:
        reason = f"nothing came within {limit_seconds:g} s"
    return VideoTimeoutError(source.name, reason + ("" if is_open else " (--connect-seconds)"))


def _describe(source: StreamSource, error: Exception, *, is_open: bool) -> str:
    for kind, reason in _HTTP_REASONS:
        if isinstance(error, kind):
            return reason
    if isinstance(error, ConnectionRefusedError):
        return f"{_format_host(source)} refuses the connection; is the server running there?"
    if isinstance(error, MemoryError):
        return "there is not enough memory for its frames"
    if source.kind == "camera":
        return _describe_camera(source, error)
    if isinstance(error, av.error.ProtocolNotFoundError):
        return "FFmpeg was built without this kind of address here; save it as a file first"
    if isinstance(error, av.error.InvalidDataError):
        return NOT_A_VIDEO
    if isinstance(error, EOFError):
        return "it ended before its first frame"
    reason = format_os_error(error)
    if source.kind != "address":
        return f"FFmpeg cannot read it: {reason}"
    if is_open:
        return f"the connection broke off ({reason})"
    return f"{_format_host(source)} cannot be reached, or sends no video ({reason})"


def _describe_camera(source: StreamSource, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"there is no camera {source.location} on this machine"
    if isinstance(error, PermissionError):
        return f"{source.location} may not be read by this user; its group is often video"
    return f"the camera {source.location} cannot be read: {format_os_error(error)}"
