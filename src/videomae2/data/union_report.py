"""What was left out of a union of labelled sources, and why: as values, and to print."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

Split = Literal["training", "validation"]
Reason = Literal[
    "no file",
    "duplicate",
    "duplicate of another class",
    "test video in training",
    "validation video in training",
]


@dataclass(frozen=True, slots=True)
class Removal:
    """One video that was left out."""

    video: str
    """Its id."""
    source: str
    split: Split
    where: str
    """Where its list names it: file:line, or its path."""
    reason: Reason
    other: str = ""
    """Where the video stands that it is the same as."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A class that was called otherwise in some source."""

    old: str
    new: str
    videos: int
    unlisted: tuple[str, ...] = ()
    """Sources with the old name whose released list has no class of the new one: a head for that
    list takes another row than these videos teach."""

    def __str__(self) -> str:
        """Say it in a line."""
        said = f"renamed: {self.old} -> {self.new} ({self.videos:,} videos)"
        if not self.unlisted:
            return said
        where = " and ".join(self.unlisted)
        return f"{said}; the released list of {where} has no class of that name"


@dataclass(frozen=True, slots=True)
class KeptApart:
    """A rename that was not made, because one source has both names: they are two classes."""

    old: str
    new: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnionReport:
    """How a union came to be."""

    read: dict[tuple[str, Split], int]
    """Videos that each source named."""
    kept: dict[Split, int]
    classes: int
    renamed: tuple[Renamed, ...]
    kept_apart: tuple[KeptApart, ...]
    empty_classes: tuple[str, ...]
    """Classes without a training video."""
    removals: tuple[Removal, ...]

    def counts(self) -> Counter[tuple[str, Split, Reason]]:
        """How many videos each source lost in each split, by reason."""
        return Counter((one.source, one.split, one.reason) for one in self.removals)

    def text(self, examples: int = 3) -> str:
        """Say it to a person: numbers, and the first few videos of each kind of removal."""
        lines = [f"{self.classes} classes; videos kept: {self._kept()}"]
        for (source, split), number in self.read.items():
            lines.append(f"{source}, {split}: {number:,} read")
            lines += self._removed(source, split, examples)
        lines += map(str, self.renamed)
        lines += [
            f"kept apart: {one.old} and {one.new}, both are classes of {one.source}"
            for one in self.kept_apart
        ]
        if self.empty_classes:
            some, rest = (
                ", ".join(self.empty_classes[:examples]),
                len(self.empty_classes) - examples,
            )
            more = f" and {rest:,} more classes" if rest > 0 else ""
            lines.append(f"without a training video: {some}{more}")
        return "\n".join(lines)

    def _kept(self) -> str:
        return ", ".join(f"{split} {number:,}" for split, number in self.kept.items())

    def _removed(self, source: str, split: Split, examples: int) -> list[str]:
        lines = []
        for (of, part, reason), number in self.counts().items():
            if (of, part) == (source, split):
                lines.append(f"  - {number:,} {reason}{'s' * _plural(reason, number)}")
                lines += self._examples(source, split, reason, examples)
        return lines

    def _examples(self, source: str, split: Split, reason: Reason, most: int) -> list[str]:
        here = [
            one
            for one in self.removals
            if (one.source, one.split, one.reason) == (source, split, reason)
        ]
        return [
            f"      {one.where}: {one.video}" + (f", as in {one.other}" if one.other else "")
            for one in here[:most]
        ]


def _plural(reason: Reason, number: int) -> bool:
    return number > 1 and reason in ("no file", "duplicate")
