"""Videos as people name them: files, folders and lines of standard input, in their order."""

import logging
import os
import select
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from videomae2.base.names import path_of_uri
from videomae2.data.live.pipe import looks_like_video
from videomae2.data.manifests.bit_depth import describe_other_bits, find_bits_of_video
from videomae2.data.manifests.manifest import ALL_BITS, Entry
from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ConfigError, ManifestError, VideoError

_logger = logging.getLogger(__name__)
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class VideoInput:
    """One video that is asked for."""

    entry: Entry
    frame_name: str | None = None
    """Template of the images, if it is a folder of them."""
    relative_path: str = ""
    """Where it lies in the folder that was named; "" if it was named itself."""


def expand_inputs(paths: Iterable[Path | str], bits: int | None = None) -> list[VideoInput]:
    """Turn paths into videos; whether a file can be read turns out when it is.

    What is odd about a folder is said: images that are no frames, gaps, folders left out.

    ``bits``: how many are used where frames have 16; found out, and said, if not given.

    Raises:
        ManifestError: A folder holds neither.
    """
    return [each for path in paths for each in _expand_path(os.fspath(path), bits)]


def expand_each(
    paths: Iterable[Path | str], bits: int | None = None
) -> list[VideoInput | VideoError]:
    """The same where a folder that is no video stops nothing: what is wrong stands in its place."""
    inputs: list[VideoInput | VideoError] = []
    for path in [os.fspath(path) for path in paths]:
        try:
            inputs += _expand_path(path, bits)
        except ManifestError as error:
            reason = str(error).removeprefix(f"{os.path.expanduser(path)}: ")
            inputs.append(VideoError(path, reason))
    return inputs


def stream_lines(descriptor: int, head: bytes = b"") -> Iterator[list[str]]:
    """Yield the lines of an open file as they come: those that are there, without empty ones.

    A program that writes a path and waits for its answer gets it before it writes the next one.
    ``head``: what was read of it already.

    Raises:
        ConfigError: They are no lines, but the bytes of a video.
    """
    remainder = b""
    while True:
        data = head or os.read(descriptor, _CHUNK)  # waits for the first byte only
        head = b""
        while data and select.select([descriptor], [], [], 0)[0]:
            more = os.read(descriptor, _CHUNK)
            data += more
            if not more:
                break
        if looks_like_video(data):
            raise ConfigError(
                "the bytes of a video come on standard input, not paths; a stream is predicted by "
                "itself: give - alone"
            )
        *complete, remainder = (remainder + data).split(b"\n")
        lines = [*complete, remainder] if not data else complete
        if paths := [os.fsdecode(line.rstrip(b"\r")) for line in lines if line.strip()]:
            yield paths
        if not data:
            return


def _expand_path(path: str, bits: int | None) -> list[VideoInput]:
    path = os.path.expanduser(path_of_uri(path))
    if not os.path.isdir(path):
        found = find_bits_of_video(path)
        used = bits or (found[0] if found else ALL_BITS)
        if bits is None:
            _warn_about_bits(path, used)
        elif text := describe_other_bits(bits, found):
            _logger.warning(f"{path}: {text}")
        return [VideoInput(Entry(path, location=path, bits=used))]
    manifest = read_manifest(path, bits=bits)
    for text in manifest.warnings:
        _logger.warning(f"{path}: {text}")
    _warn_about_bits(path, manifest.bits or ALL_BITS if bits is None else ALL_BITS)
    return [
        VideoInput(entry, manifest.frame_name if entry.is_frames else None, below)
        for entry, below in zip(manifest, manifest.paths, strict=True)
    ]


def _warn_about_bits(path: str, bits: int) -> None:
    if bits < ALL_BITS:
        _logger.warning(
            f"{path}: {bits} of 16 bits are taken, since no larger value was seen in a few frames; "
            "bits says otherwise"
        )
