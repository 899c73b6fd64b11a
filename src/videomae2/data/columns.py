"""Collect the entries of a list while it is read, and everything that is wrong with it."""

import re
from array import array
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from videomae2.data.manifest import ABSENT, Manifest
from videomae2.errors import ManifestError

Labels = Literal["ignore", "if-present", "required"]

MOST_PROBLEMS = 10  # as many as a person reads at once; the rest is counted
MOST_RENAMES = 4

_WHOLE = re.compile(r"-?[0-9]+")  # int() alone would also take "1_000" and other scripts' digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the caller of `read_manifest` asked for, for the reader of each format."""

    labels: Labels = "ignore"
    class_names: tuple[str, ...] | None = None
    frame_name: str | None = None
    first_number: int = 1
    keep: str | None = None
    columns: tuple[str, ...] = ()
    """Columns of a table that the caller reads itself."""


@dataclass(slots=True)
class Columns:
    """The growing columns of a manifest. Lines are counted from 1, 0 = no line."""

    source: str
    paths: list[str] = field(default_factory=list)
    lines: "array[int]" = field(default_factory=lambda: array("i"))
    first: "array[int]" = field(default_factory=lambda: array("i"))
    frames: "array[int]" = field(default_factory=lambda: array("i"))
    labels: "array[int]" = field(default_factory=lambda: array("i"))
    is_frames: bytearray = field(default_factory=bytearray)
    class_names: tuple[str, ...] | None = None
    frame_name: str | None = None
    origin: str = ""
    problems: list[tuple[int, str]] = field(default_factory=list)
    num_problems: int = 0
    hint: str = ""
    """What helps with the problems, said below them."""
    renamed: dict[str, str] = field(default_factory=dict)
    """Classes that the list calls otherwise: its name to that in ``class_names``."""

    def add(
        self,
        path: str,
        *,
        line: int = 0,
        first: int = 0,
        frames: int = ABSENT,
        label: int = ABSENT,
        is_frames: bool = False,
    ) -> None:
        """Append one entry."""
        self.paths.append(path)
        self.lines.append(line)
        self.first.append(first)
        self.frames.append(frames)
        self.labels.append(label)
        self.is_frames.append(is_frames)

    def wrong(self, line: int, message: str) -> None:
        """Note a problem; the first ones are kept, the rest is counted."""
        self.num_problems += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append((line, message))

    def check(self) -> None:
        """Raise all problems at once.

        Raises:
            ManifestError: There are some, or there is no entry.
        """
        if not self.problems and not self.paths:
            raise ManifestError("it names no video", path=self.source)
        if self.problems:
            line, message = self.problems[0]
            others = [_place(self.source, line) + text for line, text in self.problems[1:]]
            if rest := self.num_problems - len(self.problems):
                others.append(f"and {rest} more problem{'s' * (rest > 1)}")
            others += [self.hint] if self.hint else []
            raise ManifestError("\n".join([message, *others]), path=self.source, line=line or None)

    def manifest(self, root: str) -> Manifest:
        """Turn the columns into a manifest, without copying the numbers."""
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
            origin=self.origin + self._renames(),
        )

    def _renames(self) -> str:
        """Say which classes the list calls otherwise."""
        pairs = [f"{old} is {new}" for old, new in self.renamed.items()]
        more = f" and {len(pairs) - MOST_RENAMES} more" if len(pairs) > MOST_RENAMES else ""
        return f"; {', '.join(pairs[:MOST_RENAMES])}{more}" if pairs else ""


def _place(source: str, line: int) -> str:
    return f"{source}:{line}: " if line else f"{source}: "


def whole(text: str, name: str, *, least: int) -> int:
    """Read a whole number that fits a column.

    Raises:
        ValueError: It is none, or below `least`; the message names the column and the remedy.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{name} is {text!r}, wanted a whole number")
    if not least <= (value := int(text)) < 2**31:
        raise ValueError(f"{name} is {text}, wanted a whole number from {least} to 2147483647")
    return value
