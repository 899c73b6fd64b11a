"""What was left out of a union of labelled sources, and why: as values, and to print."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

DatasetSplit = Literal["training", "validation"]


ExclusionReason = Literal[
    "no file",
    "duplicate",
    "duplicate of another class",
    "test video in training",
    "validation video in training",
]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One video that was left out."""

    video_id: str
    """Its id."""
    source: str
    split: DatasetSplit
    location: str
    """Where its list names it: file:line, or its path."""
    reason: ExclusionReason
    matched_location: str = ""
    """Where the video stands that it is the same as."""


@dataclass(frozen=True, slots=True)
class ClassRename:
    """A class that was called otherwise in some source."""

    old: str
    new: str
    num_videos: int
    missing_from: tuple[str, ...] = ()
    """Sources with the old name whose released list has no class of the new one: a head for that
    list takes another row than these videos teach."""

    def __str__(self) -> str:
        """Say it in a line."""
        text = f"renamed: {self.old} -> {self.new} ({self.num_videos:,} videos)"
        if not self.missing_from:
            return text
        names = " and ".join(self.missing_from)
        return f"{text}; the released list of {names} has no class of that name"


@dataclass(frozen=True, slots=True)
class KeptSeparate:
    """A rename that was not made, because one source has both names: they are two classes."""

    old: str
    new: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeReport:
    """How a union came to be."""

    num_read: dict[tuple[str, DatasetSplit], int]
    """Videos that each source named."""
    num_kept: dict[DatasetSplit, int]
    num_classes: int
    renames: tuple[ClassRename, ...]
    kept_separate: tuple[KeptSeparate, ...]
    empty_classes: tuple[str, ...]
    """Classes without a training video."""
    exclusions: tuple[Exclusion, ...]

    def count_exclusions(self) -> Counter[tuple[str, DatasetSplit, ExclusionReason]]:
        """How many videos each source lost in each split, by reason."""
        return Counter(
            (exclusion.source, exclusion.split, exclusion.reason) for exclusion in self.exclusions
        )

    def format(self, examples: int = 3) -> str:
        """Say it to a person: numbers, and the first few videos of each kind of removal."""
        lines = [f"{self.num_classes} classes; videos kept: {self._format_kept()}"]
        for (source, split), number in self.num_read.items():
            lines.append(f"{source}, {split}: {number:,} read")
            lines += self._format_exclusions(source, split, examples)
        lines += map(str, self.renames)
        lines += [
            f"kept separate: {rename.old} and {rename.new}, both are classes of {rename.source}"
            for rename in self.kept_separate
        ]
        if self.empty_classes:
            shown, num_hidden = (
                ", ".join(self.empty_classes[:examples]),
                len(self.empty_classes) - examples,
            )
            suffix = f" and {num_hidden:,} more classes" if num_hidden > 0 else ""
            lines.append(f"without a training video: {shown}{suffix}")
        return "\n".join(lines)

    def _format_kept(self) -> str:
        return ", ".join(f"{split} {number:,}" for split, number in self.num_kept.items())

    def _format_exclusions(self, source: str, split: DatasetSplit, examples: int) -> list[str]:
        lines = []
        for (source_name, split_name, reason), number in self.count_exclusions().items():
            if (source_name, split_name) == (source, split):
                lines.append(f"  - {number:,} {reason}{'s' * _takes_plural(reason, number)}")
                lines += self._format_examples(source, split, reason, examples)
        return lines

    def _format_examples(
        self, source: str, split: DatasetSplit, reason: ExclusionReason, max_examples: int
    ) -> list[str]:
        matching = [
            exclusion
            for exclusion in self.exclusions
            if (exclusion.source, exclusion.split, exclusion.reason) == (source, split, reason)
        ]
        return [
            f"      {one.location}: {one.video_id}"
            + (f", as in {one.matched_location}" if one.matched_location else "")
            for one in matching[:max_examples]
        ]


def _takes_plural(reason: ExclusionReason, number: int) -> bool:
    return number > 1 and reason in ("no file", "duplicate")
