"""Hold a list of videos: which files, which frames of them, which labels.

Axis: entries. A million entries take little more memory than their paths: numbers are int32
columns, an `Entry` is made when it is asked for. No torch here: reading workers import it.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

ABSENT = -1  # in a column: the list does not say
ALL_BITS = 16
"""Of images and arrays with more than 8, where nothing says that they use fewer."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One video of a list, or one window of it."""

    path: str
    """A video file, or a folder of frame images; absolute, or joined with the root of its list."""
    first: int = 0
    """First frame of the window. In a file it is counted from 0; in a folder it is the number in
    the image's name, as in released lists."""
    frames: int | None = None
    """Number of frames of the window; None: up to the end."""
    label: int | None = None
    """Class, counted from 0; None: unknown or not asked for."""
    location: str = ""
    """Where it was read, for messages: "file:line" (for Parquet "file:row"), or the path."""
    is_frames: bool = False
    """The list says that it is a folder of frame images."""
    seconds: tuple[float, float] | None = None
    """The window, where the list counts it in time: start and end in seconds of the video, the end
    infinite where it is the video's. Then ``first`` and ``frames`` say nothing."""

    bits: int = ALL_BITS
    """Bits that are used, where frames have 16."""

    @property
    def window(self) -> tuple[object, ...]:
        """What tells this window of the video from others."""
        return self.first, self.frames, self.seconds

    def format_window(self) -> str:
        """The window in a few characters, as in [12:40] or [1.5s:3s]; "" for a whole video."""
        if self.seconds is not None:
            start, stop = self.seconds
            return f"[{start:g}s:{f'{stop:g}s' if stop < float('inf') else ''}]"
        if self.frames is None and self.first == 0:
            return ""
        return f"[{self.first}:{'' if self.frames is None else self.first + self.frames}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The videos of one source, in the order of their list."""

    source: str
    """The list or folder that was read."""
    root: str
    """Put before every relative path; "" leaves them as they are."""
    paths: list[str]
    """As they stand in the list, or relative to the folder that was searched."""
    lines: Int32[np.ndarray, " entries"]
    """Line of the list, counted from 1; 0 where there is no list."""
    first: Int32[np.ndarray, " entries"]
    frames: Int32[np.ndarray, " entries"]
    """Frames per window; -1: up to the end."""
    labels: Int32[np.ndarray, " entries"]
    """Class per entry; -1: none."""
    is_frames: Bool[np.ndarray, " entries"]
    """The entry is known to be a folder of frame images."""
    class_names: tuple[str, ...] | None = None
    """The name of label i at place i, where the source has names."""
    frame_name: str | None = None
    """Template of the images in the entries that are frame folders; None: there are none."""
    description: str = ""
    """What it was read as, for a line of the log."""
    columns: dict[str, list[str]] = field(default_factory=dict)
    """The cells of other columns of its table that were asked for, per entry."""
    seconds: Float64[np.ndarray, "entries 2"] | None = None
    """Start and end of windows in time, NaN where an entry has none; None: no entry has."""
    bits: int | None = None
    """Bits that are used, where frames have 16; None where none has, as far as was seen."""
    groups: list[str] | None = None
    """What each entry belongs to, such as a person; None: nothing but its video."""
    meanings: dict[str, str] = field(default_factory=dict)
    """What the columns of a table were read as."""
    warnings: tuple[str, ...] = ()
    """What is odd about the list, for people."""

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> Entry:
        path, line = join_path(self.root, self.paths[i]), int(self.lines[i])
        return Entry(
            path=path,
            first=int(self.first[i]),
            frames=_int_or_none(self.frames[i]),
            label=_int_or_none(self.labels[i]),
            location=f"{self.source}:{line}" if line else path,
            is_frames=bool(self.is_frames[i]),
            seconds=self._get_seconds(i),
            bits=self.bits or ALL_BITS,
        )

    def _get_seconds(self, i: int) -> tuple[float, float] | None:
        if self.seconds is None or np.isnan(self.seconds[i, 0]):
            return None
        start, stop = self.seconds[i].tolist()
        return start, stop

    def __iter__(self) -> Iterator[Entry]:
        return (self[i] for i in range(len(self)))

    def take(self, entries: Int64[np.ndarray, " some"]) -> "Manifest":
        """The list of some of the entries, in the order of their numbers here."""
        numbers = {
            name: getattr(self, name)[entries]
            for name in ("lines", "first", "frames", "labels", "is_frames")
        }
        rows = entries.tolist()
        columns = {name: [cells[i] for i in rows] for name, cells in self.columns.items()}
        seconds = None if self.seconds is None else self.seconds[entries]
        paths = [self.paths[i] for i in rows]
        groups = None if self.groups is None else [self.groups[i] for i in rows]
        return replace(
            self, paths=paths, columns=columns, seconds=seconds, groups=groups, **numbers
        )

    def digest(self) -> str:
        """Name the content in 16 characters: the same on every machine, whatever the root."""
        content = hashlib.sha256()
        names = (*self.paths, "", *(self.class_names or ()), "", self.frame_name or "")
        # NUL is the one character that no path has; file names need not be valid UTF-8
        content.update("\0".join(names).encode("utf-8", "surrogatepass"))
        for column in (self.first, self.frames, self.labels):
            content.update(column.astype("<i4").tobytes())
        content.update(self.is_frames.tobytes())
        content.update(b"" if self.bits in (None, ALL_BITS) else bytes((self.bits,)))
        content.update(b"" if self.seconds is None else self.seconds.astype("<f8").tobytes())
        return content.hexdigest()[:16]


def _int_or_none(value: np.int32) -> int | None:
    return None if value == ABSENT else int(value)


def join_path(root: str, path: str) -> str:
    """A path below a folder; the folder itself, which may be a video of frames, by its own name."""
    return root.rstrip("/") or root if root and path == "." else os.path.join(root, path)
