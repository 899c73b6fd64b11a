"""Collect the entries of a list while it is read, and everything that is wrong with it.

Names of classes become labels here, the same way for folders and tables.
"""

import re
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from videomae2.data.manifests.manifest import ABSENT, Manifest
from videomae2.data.manifests.public_classes import canonicalize_names
from videomae2.errors import ManifestError

LabelPolicy = Literal["ignore", "if-present", "required"]
FIRST_NUMBER = 1  # of the images of a folder, where a list does not say it
MAX_SHOWN_ERRORS = 10  # as many as a person reads at once; the rest is counted
MAX_SHOWN_RENAMES = 4
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
    class_names: tuple[str, ...] | None = None
    frame_name: str | None = None
    description: str = ""
    columns: dict[str, list[str]] = field(default_factory=dict)
    """The cells of extra columns, per entry."""
    errors: list[tuple[int, str]] = field(default_factory=list)
    num_errors: int = 0
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
    ) -> None:
        """Append one entry."""
        self.paths.append(path)
        self.lines.append(line)
        self.first.append(first)
        self.frames.append(frames)
        self.labels.append(label)
        self.is_frames.append(is_frames)

    def add_error(self, line: int, message: str) -> None:
        """Note a problem; the first ones are kept, the rest is counted."""
        self.num_errors += 1
        if len(self.errors) < MAX_SHOWN_ERRORS:
            self.errors.append((line, message))

    def check(self) -> None:
        """Raise all problems at once.

        Raises:
            ManifestError: There are some, or there is no entry.
        """
        if not self.errors and not self.paths:
            raise ManifestError("it names no video", path=self.source)
        if self.errors:
            first_line, message = self.errors[0]
            messages = [
                f"{self.source}:{line}: {text}" if line else f"{self.source}: {text}"
                for line, text in self.errors[1:]
            ]
            if num_hidden := self.num_errors - len(self.errors):
                messages.append(f"and {num_hidden} more problem{'s' * (num_hidden > 1)}")
            messages += [self.hint] if self.hint else []
            raise ManifestError(
                "\n".join([message, *messages]), path=self.source, line=first_line or None
            )

    def to_manifest(self, root: str) -> Manifest:
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
            description=self.description + self._format_renames(),
            columns=self.columns,
        )

    def _format_renames(self) -> str:
        """Say which classes the list calls otherwise."""
        pairs = [f"{old} is {new}" for old, new in self.renamed_classes.items()]
        more = (
            f" and {len(pairs) - MAX_SHOWN_RENAMES} more" if len(pairs) > MAX_SHOWN_RENAMES else ""
        )
        return f"; {', '.join(pairs[:MAX_SHOWN_RENAMES])}{more}" if pairs else ""


def parse_int(text: str, name: str, *, minimum: int) -> int:
    """Read a whole number that fits a column.

    Raises:
        ValueError: It is none, or below the minimum; the message names the column and the remedy.
    """
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{name} is {text!r}, wanted a whole number")
    if not minimum <= (value := int(text)) < 2**31:
        raise ValueError(f"{name} is {text}, wanted a whole number from {minimum} to 2147483647")
    return value


def label_by_name(
    builder: ManifestBuilder, names: list[str], class_names: tuple[str, ...] | None
) -> None:
    """Set the labels of all entries from one name per entry ("" = none), and note unknown classes.

    Classes are given in the order of their labels, say of the training set; None: those that occur.
    Two lists agree about labels only if both were read with the same classes. Those of Kinetics are
    known by the names of its annotations, too.
    """
    source_classes = sorted({name for name in names if name})
    if all(map(str.isdecimal, source_classes)):
        # folders called 0, 1, … 10 keep their number; as text 10 would come before 2
        source_classes.sort(key=int)
    classes = class_names or tuple(source_classes)
    canonical_of = dict(
        zip(source_classes, canonicalize_names(classes, source_classes), strict=True)
    )
    label_of = {name: label for label, name in enumerate(classes)}
    for i, name in enumerate(names):
        builder.labels[i] = label_of.get(canonical_of.get(name, name), ABSENT)
    builder.class_names = classes or None
    builder.renamed_classes = {old: new for old, new in canonical_of.items() if old != new}
    _add_unknown_class_errors(builder, names, classes, source_classes)


def _add_unknown_class_errors(
    builder: ManifestBuilder,
    names: list[str],
    classes: Sequence[str],
    source_classes: Sequence[str],
) -> None:
    """Note a problem for each class that is not known, where it comes first, and both lists."""
    unknown_counts = Counter(name for name, label in zip(names, builder.labels, strict=True)
                     if name and label == ABSENT)  # fmt: skip
    for name, number in unknown_counts.items():
        count = f"{number:,} video{'s' * (number > 1)}"
        builder.add_error(
            builder.lines[names.index(name)], f"class {name!r} ({count}) is not known"
        )
        builder.hint = format_both_lists(classes, source_classes)


def format_both_lists(expected_classes: Sequence[str], source_classes: Sequence[str]) -> str:
    """The classes that are known and those of a list, whole."""
    pairs = (("known", expected_classes), ("found", source_classes))
    return "\n".join(f"  {title}  {len(names)}: {', '.join(names)}" for title, names in pairs)


def check_labels(builder: ManifestBuilder, class_names: tuple[str, ...] | None) -> None:
    """Hold numeric labels against the known classes, and keep their names."""
    if class_names is None:
        return
    builder.class_names = class_names
    for line, label in zip(builder.lines, builder.labels, strict=True):
        if label >= len(class_names):
            builder.add_error(
                line, f"label is {label}, but there are {len(class_names)} classes, from 0"
            )


def check_all_labelled(builder: ManifestBuilder) -> None:
    """Note a problem for every entry without a label, unless other problems explain that."""
    if builder.errors:
        return
    for line, path, label in zip(builder.lines, builder.paths, builder.labels, strict=True):
        if label == ABSENT:
            builder.add_error(line, f"{path} has no label, and labels are needed")
