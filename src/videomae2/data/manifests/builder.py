"""Collect the entries of a list while it is read, and everything that is wrong with it."""

import math
import re
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from videomae2.data.manifests.manifest import ABSENT, Manifest
from videomae2.errors import ManifestError, shorten

LabelPolicy = Literal["ignore", "if-present", "required"]
Spelling = Literal["ask", "same", "distinct"]
FIRST_NUMBER = 1  # of the images of a folder, where a list does not say it
MAX_SHOWN_ERRORS = 10  # as many as a person reads at once; the rest is counted
MAX_SHOWN_RENAMES = 4
MAX_CLASSES_PER_VIDEO, MAX_UNUSED_CLASSES = 10, 1000
_MAX_MESSAGE = 300  # characters of a problem: cells may be of any length
_MAX_DIGITS, _MAX_SHOWN = 12, 60
_INTEGER = re.compile(r"-?[0-9]+")  # int() alone would also take "1_000" and other scripts' digits


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What the caller of `read_manifest` asked for, for the reader of each format."""

    labels: LabelPolicy = "ignore"
    class_names: tuple[str, ...] | None = None
    frame_name: str | None = None
    row_filter: str | None = None
    extra_columns: tuple[str, ...] = ()
    """Columns of a table whose cells the caller wants."""
    groups: str | None = None
    """What belongs together: a column, ``folder``, or a pattern of paths."""
    first_label: int = 0
    """The number of the first class."""
    spelling: Spelling = "ask"
    """Whether names that differ only in case, blanks or encoding are one class."""

    def count_from_0(self, label: int) -> int:
        """The label that a number of a list stands for; ABSENT stays.

        Raises:
            ValueError: The number is below that of the first class.
        """
        if ABSENT < label < self.first_label:
            raise ValueError(f"label is {label}, and first_label says that they begin at 1")
        return label if label == ABSENT else label - self.first_label


@dataclass(slots=True)
class ManifestBuilder:
    """The growing columns of a manifest. Lines are counted from 1, 0 = no line."""

    source: str
    paths: list[str] = field(default_factory=list)
    lines: "array[int]" = field(default_factory=lambda: array("i"))
    first: "array[int]" = field(default_factory=lambda: array("i"))
    frames: "array[int]" = field(default_factory=lambda: array("i"))
    labels: "array[int]" = field(default_factory=lambda: array("i"))
    is_frames: bytearray = field(default_factory=bytearray)
    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    """Start and end of each entry in turn; NaN where it has no window in time."""
    untrimmed: dict[int, tuple[str, tuple[float, float]]] = field(default_factory=dict)
    """Entries of which the whole video may be there instead: its name, and the window in it."""
    class_names: tuple[str, ...] | None = None
    frame_name: str | None = None
    description: str = ""
    columns: dict[str, list[str]] = field(default_factory=dict)
    """The cells of extra columns, per entry."""
    groups: list[str] | None = None
    """What each entry belongs to."""
    errors: list[tuple[int, str]] = field(default_factory=list)
    num_errors: int = 0
    num_repeats: Counter[str] = field(default_factory=Counter)
    """Further lines with a problem that is said once."""
    warnings: list[str] = field(default_factory=list)
    meanings: dict[str, str] = field(default_factory=dict)
    """What the columns of a table were read as."""
    hint: str = ""
    """What helps with the problems, said below them."""
    renamed_classes: dict[str, str] = field(default_factory=dict)
    """Classes that the list calls otherwise: its name to that of the known ones."""

    def add(
        self,
        path: str,
        *,
        line: int = 0,
        first: int = 0,
        frames: int = ABSENT,
        label: int = ABSENT,
        is_frames: bool = False,
        seconds: tuple[float, float] | None = None,
    ) -> None:
        """Append one entry."""
        self.paths.append(path)
        self.lines.append(line)
        self.first.append(first)
        self.frames.append(frames)
        self.labels.append(label)
        self.is_frames.append(is_frames)
        self.seconds.extend(seconds or (math.nan, math.nan))

    def add_error(self, line: int, message: str) -> None:
        """Note a problem; the first ones are kept, the same ones of other lines are counted."""
        text = shorten(message, _MAX_MESSAGE)
        if line and any(text == known for _, known in self.errors):
            self.num_repeats[text] += 1
            return
        self.num_errors += 1
        if len(self.errors) < MAX_SHOWN_ERRORS:
            self.errors.append((line, text))

    def check(self) -> None:
        """Raise all problems at once.

        Raises:
            ManifestError: There are some, or there is no entry.
        """
        if not self.errors and not self.paths:
            raise ManifestError("it names no video", path=self.source)
        if self.errors:
            errors = [(line, text + self._count_repeats(text)) for line, text in self.errors]
            first_line, message = errors[0]
            messages = [
                f"{self.source}:{line}: {text}" if line else f"{self.source}: {text}"
                for line, text in errors[1:]
            ]
            if num_hidden := self.num_errors - len(self.errors):
                messages.append(f"and {num_hidden} more problem{'s' * (num_hidden > 1)}")
            messages += [self.hint] if self.hint else []
            raise ManifestError(
                "\n".join([message, *messages]), path=self.source, line=first_line or None
            )

    def _count_repeats(self, text: str) -> str:
        count = self.num_repeats[text]
        return f" (and {count:,} more line{'s' * (count > 1)})" if count else ""

    def to_manifest(self, root: str) -> Manifest:
        """Turn the columns into a manifest, without copying the numbers."""
        seconds = np.frombuffer(self.seconds, np.float64).reshape(-1, 2)
        return Manifest(
            source=self.source,
            root=root,
            paths=self.paths,
            lines=np.frombuffer(self.lines, np.int32),
            first=np.frombuffer(self.first, np.int32),
            frames=np.frombuffer(self.frames, np.int32),
            labels=np.frombuffer(self.labels, np.int32),
            is_frames=np.frombuffer(self.is_frames, np.bool_),
            class_names=self.class_names,
            frame_name=self.frame_name,
            description=self.description + self._format_renames(),
            columns=self.columns,
            seconds=None if np.isnan(seconds).all() else seconds,
            groups=self.groups,
            meanings=self.meanings,
            warnings=tuple(self.warnings),
        )

    def _format_renames(self) -> str:
        """Say which classes the list calls otherwise."""
        pairs = [f"{old} is {new}" for old, new in self.renamed_classes.items()]
        more = (
            f" and {len(pairs) - MAX_SHOWN_RENAMES} more" if len(pairs) > MAX_SHOWN_RENAMES else ""
        )
        return f"; {', '.join(pairs[:MAX_SHOWN_RENAMES])}{more}" if pairs else ""


def check_max_label(max_label: int, num_videos: int) -> None:
    """Refuse a label that stands for far more classes than there are videos.

    Raises:
        ValueError: It does: another number stands in its place.
    """
    if max_label >= MAX_CLASSES_PER_VIDEO * num_videos + MAX_UNUSED_CLASSES:
        raise ValueError(
            f"label {max_label} would make {max_label + 1:,} classes of {num_videos:,} videos; "
            "does another number stand in the place of the label?"
        )


def parse_int(text: str, name: str, *, minimum: int) -> int:
    """Read a whole number that fits a column.

    Raises:
        ValueError: It is none, or below the minimum; the message names the column and the remedy.
    """
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{name} is {shorten(text, _MAX_SHOWN)!r}, wanted a whole number")
    digits = text.lstrip("-0")  # Python reads no numbers of thousands of digits
    value = int(text) if len(digits) <= _MAX_DIGITS else 2**31
    if not minimum <= value < 2**31:
        shown = shorten(text, _MAX_SHOWN)
        raise ValueError(f"{name} is {shown}, wanted a whole number from {minimum} to 2147483647")
    return value
