"""A folder of features: one ``.npy`` a video, a table of the videos, and what they follow from.

``NAME.npy`` is [windows, ...], as ``provenance.json`` says it; ``features.jsonl`` has a line of
JSON a video, written after its array is whole: who it is, what its file was like, its windows in
seconds. A later line of a video holds; a line with an ``error`` says why a video could not be read.

Axes: videos; windows, or the clips of a video.
"""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videomae2.base.json_files import parse_json
from videomae2.base.provenance import PROVENANCE_FILE, read_provenance
from videomae2.data.manifests.fingerprint import file_stat
from videomae2.data.manifests.manifest import Entry
from videomae2.errors import CheckpointError

TABLE_FILE = "features.jsonl"


@dataclass(frozen=True, slots=True)
class FeatureVideo:
    """A video, and what its features are called in a folder."""

    name: str
    entry: Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoTimes:
    """What is known of a video beside its features."""

    frames: int
    """That it has."""
    fps: float | None = None
    """Frames per second, on average; None if it has no clock."""
    duration: float | None = None
    """Seconds from its first frame until the last one is over."""
    starts: tuple[float, ...] | None = None
    """Seconds at which each window begins, as players count; None without a clock, or for clips."""
    stops: tuple[float, ...] | None = None
    """Seconds at which it ends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureRow:
    """The features of one video, as the table has them."""

    video: str
    """Their name."""
    path: str
    window: list[Any]
    """Of the file, as ``list_window`` has it."""
    file_stat: list[int]
    num_bytes: int
    """Of the file of their array."""
    shape: list[int]
    dtype: str
    times: VideoTimes

    def to_json(self) -> dict[str, Any]:
        """All that is known, flat."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "times"}
        return values | {f.name: getattr(self.times, f.name) for f in fields(self.times)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "FeatureRow":
        """Read a line of the table; raises LookupError, TypeError or ValueError."""
        starts, stops = values.get("starts"), values.get("stops")
        times = VideoTimes(
            frames=int(values["frames"]),
            fps=values.get("fps"),
            duration=values.get("duration"),
            starts=None if starts is None else tuple(map(float, starts)),
            stops=None if stops is None else tuple(map(float, stops)),
        )
        return cls(
            video=os.fspath(values["video"]),
            path=os.fspath(values["path"]),
            window=list(values["window"]),
            file_stat=[int(number) for number in values["file_stat"]],
            num_bytes=int(values["num_bytes"]),
            shape=[int(number) for number in values["shape"]],
            dtype=np.dtype(values["dtype"]).str,
            times=times,
        )


class FeatureStore:
    """A folder of features, as far as it is filled.

    ``rows`` are by name, ``unreadable`` says why others are not there. ``settings`` are what the
    features follow from, {} where there is no such folder.

    Raises:
        CheckpointError: The folder holds no features, but something else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, FeatureRow] = {}
        self.unreadable: dict[str, str] = {}
        self._read_bytes = 0
        try:
            self.settings = (read_provenance(folder) if folder.is_dir() else None) or {}
        except (OSError, ValueError) as error:
            raise CheckpointError(f"cannot read {folder / PROVENANCE_FILE}: {error}") from error
        self.refresh()

    def refresh(self) -> None:
        """Read what was added to the table since; a line that is not whole does not count."""
        path = self.folder / TABLE_FILE
        try:
            size = os.stat(path).st_size
        except OSError:
            size = 0
        if size < self._read_bytes:  # somebody has deleted or emptied it
            self.rows, self.unreadable, self._read_bytes = {}, {}, 0
        if size == self._read_bytes:
            return
        with path.open("rb") as file:
            file.seek(self._read_bytes)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read_bytes += len(line)
                self._take_line(line)

    def _take_line(self, line: bytes) -> None:
        try:
            values = parse_json(line)
            name = os.fspath(values["video"])
            if os.path.isabs(name) or ".." in name.split("/") or "\0" in name:
                return  # none of ours: it would lead out of the folder
            if "error" in values:
                self.unreadable[name] = str(values["error"])
                return
            self.rows[name] = FeatureRow.from_json(values)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
            return  # of a damaged line the video is done again
        self.unreadable.pop(name, None)

    def has(self, video: FeatureVideo) -> bool:
        """Whether the features of a video are there, whole, and of the file as it is now."""
        row = self.rows.get(video.name)
        if row is None or row.window != list_window(video.entry):
            return False
        is_same = row.file_stat == file_stat(video.entry.path)
        return is_same and self.is_whole(video.name)

    def is_whole(self, name: str) -> bool:
        """Whether the array of a video has the size that the table says."""
        try:
            return os.stat(self.get_path(name)).st_size == self.rows[name].num_bytes
        except OSError:
            return False

    def get_path(self, name: str) -> Path:
        """The array of a video, by its name."""
        return self.folder / f"{name}.npy"

    def load(self, name: str, *, in_memory: bool = True) -> NDArray[Any]:
        """Give the features of a video, [windows, ...]; else they stay on the disk.

        Raises:
            CheckpointError: They cannot be read, or are not those of the table.
        """
        path, row = self.get_path(name), self.rows[name]
        try:
            array = np.load(path, mmap_mode=None if in_memory else "r", allow_pickle=False)
        except OSError as error:
            raise CheckpointError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, EOFError) as error:
            raise CheckpointError(f"{path} is no array; delete it and extract it again") from error
        if list(array.shape) != row.shape or array.dtype != np.dtype(row.dtype):
            raise CheckpointError(
                f"{path} is {array.dtype} {list(array.shape)}, and {self.folder / TABLE_FILE} says "
                f"{row.dtype} {row.shape}; delete it, and extract it again"
            )
        return array


def list_window(entry: Entry) -> list[Any]:
    """The window of an entry as JSON has it; an end that is that of the video is None."""
    seconds = entry.seconds
    if seconds is None:
        return [entry.first, entry.frames, None]
    return [0, None, [seconds[0], seconds[1] if seconds[1] < math.inf else None]]


def is_feature_folder(folder: Path) -> bool:
    """Whether a folder holds features."""
    return (folder / PROVENANCE_FILE).is_file() and (folder / TABLE_FILE).is_file()


def count_done(stores: Sequence[FeatureStore], videos: Sequence[FeatureVideo]) -> int:
    """Of how many videos all features are there."""
    return sum(all(store.has(video) for store in stores) for video in videos)
