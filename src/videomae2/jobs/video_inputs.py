"""Videos as people name them: files, folders, and lines of standard input."""

import os
import select
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from videomae2.data.listing import read_manifest
from videomae2.data.manifest import Entry
from videomae2.errors import ManifestError, VideoError

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Input:
    """One video that is asked for."""

    entry: Entry
    frame_name: str | None = None
    """Template of the images, if it is a folder of them."""
    below: str = ""
    """Where it lies in the folder that was named; "" if it was named itself."""


def find_inputs(paths: Iterable[Path | str]) -> list[Input]:
    """Turn paths into videos; whether a file can be read turns out when it is.

    Args:
        paths: Videos, and folders that are searched for videos or folders of frame images.

    Raises:
        ManifestError: A folder holds neither.
    """
    return [each for path in paths for each in _of_path(os.fspath(path))]


def inputs_of_lines(lines: Sequence[str]) -> list[Input | VideoError]:
    """The same for lines of standard input, where a folder without videos stops nothing."""
    found: list[Input | VideoError] = []
    for line in lines:
        try:
            found += _of_path(line)
        except ManifestError as error:
            found.append(VideoError(line, str(error).removeprefix(f"{line}: ")))
    return found


def arriving_lines(descriptor: int) -> Iterator[list[str]]:
    """Yield the lines of an open file as they come: those that are there, without empty ones.

    A program that writes a path and waits for its answer gets it before it writes the next one.
    """
    rest = b""
    while True:
        data = os.read(descriptor, _CHUNK)  # waits for the first byte only
        while data and select.select([descriptor], [], [], 0)[0]:
            more = os.read(descriptor, _CHUNK)
            data += more
            if not more:
                break
        *whole, rest = (rest + data).split(b"\n")
        lines = [*whole, rest] if not data else whole
        if kept := [os.fsdecode(line.rstrip(b"\r")) for line in lines if line.strip()]:
            yield kept
        if not data:
            return


def _of_path(path: str) -> list[Input]:
    path = os.path.expanduser(path)
    if not os.path.isdir(path):
        return [Input(Entry(path, where=path))]
    manifest = read_manifest(path)
    return [
        Input(entry, manifest.frame_name if entry.is_frames else None, below)
        for entry, below in zip(manifest, manifest.paths, strict=True)
    ]
