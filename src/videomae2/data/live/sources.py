"""Which names are streams, and how long to wait for one; nothing is opened. No FFmpeg here."""

import os
import re
import stat
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from videomae2.base.names import path_of_uri
from videomae2.base.ranges import POSITIVE
from videomae2.errors import VideoError

STDIN = "-"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_CAMERA_NUMBER = re.compile(r"\d{1,3}")
_CAMERA_PATH = re.compile(r"/dev/video\d+")
_VIDEO4LINUX_MAJOR = 81
_WEB = "http,https,httpproxy,tcp,tls,crypto"
_RTSP = f"rtsp,rtsps,rtp,srtp,udp,{_WEB}"
PROTOCOLS = {
    "http": _WEB, "https": _WEB, "rtsp": _RTSP, "rtsps": _RTSP, "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,rtmp,tcp,tls", "srt": "srt,udp", "tcp": "tcp", "udp": "udp",
}  # fmt: skip
"""Addresses that are read, and what FFmpeg may open for each: never a file of this machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveConfig:
    """How long a stream is waited for, and how much of it is wanted."""

    connect_seconds: Annotated[float | None, POSITIVE] = None
    """Seconds within which a stream must answer; 10 if not given."""
    silence_seconds: Annotated[float | None, POSITIVE] = None
    """Seconds without a frame after which a stream counts as broken off; 30 if not given."""
    max_seconds: Annotated[float | None, POSITIVE] = None
    """Seconds of a stream that are looked at, by its own clock; until it ends if not given."""

    @property
    def connect_limit(self) -> float:
        return 10.0 if self.connect_seconds is None else self.connect_seconds

    @property
    def silence_limit(self) -> float:
        return 30.0 if self.silence_seconds is None else self.silence_seconds


@dataclass(frozen=True, slots=True)
class StreamSource:
    """A stream by its name."""

    kind: Literal["address", "camera", "pipe", "stdin", "file"]
    location: str
    """What is opened; an address may hold a password."""
    name: str
    """What it is called in messages and results, without a password."""

    @property
    def file_name(self) -> str:
        """A name for files about it."""
        text = {"stdin": "stdin", "camera": os.path.basename(self.location)}.get(self.kind)
        if text is None:
            text = self.name.split("://")[-1].rpartition("@")[2]
        return re.sub(r"[^\w.-]+", "_", text).strip("._-") or "stream"


def is_address(name: str) -> bool:
    """Whether a name says how to reach something over a network, and so is no path.

    ``Path`` makes one slash of two.
    """
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", name) is not None


def find_stream(name: str) -> StreamSource | None:
    """The stream that a name stands for; None if it is a file or folder, there or not.

    ``scheme://…`` is an address; a number is a camera where no file is called so, and so is a path
    of a camera; a FIFO is a pipe. Standard input has no name: what comes there may be paths.

    Raises:
        VideoError: It is an address of a kind that is not read.
    """
    name = path_of_uri(name)
    if match := _SCHEME.match(name):
        scheme = match[1].lower()
        if scheme not in PROTOCOLS:
            raise VideoError(
                hide_password(name),
                f"streams of the kind {scheme}:// are not read, only "
                f"{', '.join(f'{known}://' for known in PROTOCOLS)}; save it as a file first",
            )
        return StreamSource("address", scheme + name[match.end(1) :], hide_password(name))
    if _CAMERA_NUMBER.fullmatch(name) and not os.path.lexists(name):
        return StreamSource("camera", f"/dev/video{int(name)}", f"camera {int(name)}")
    if _CAMERA_PATH.fullmatch(name):
        return StreamSource("camera", name, name)
    try:
        status = os.stat(os.path.expanduser(name))
    except (OSError, ValueError):
        return None
    if stat.S_ISFIFO(status.st_mode):
        return StreamSource("pipe", os.path.expanduser(name), name)
    if stat.S_ISCHR(status.st_mode) and os.major(status.st_rdev) == _VIDEO4LINUX_MAJOR:
        return StreamSource("camera", name, name)
    return None


def hide_password(address: str) -> str:
    """An address as it may be shown: what stands between a user's name and @ is a secret."""
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    if not at or ":" not in user:
        return address
    return address.replace(parts.netloc, f"{user.split(':')[0]}:***@{host}", 1)
