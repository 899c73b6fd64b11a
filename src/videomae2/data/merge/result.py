"""What a merge made: classes, videos, and what was left out and why; for people and programs."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from videomae2.data.merge.sources import DatasetSplit, LabelledVideo

ExclusionReason = Literal[
    "no file",
    "duplicate",
    "duplicate of another class",
    "test video in training",
    "validation video in training",
]
ExclusionGroup = tuple[str, DatasetSplit, ExclusionReason]
"""Source, split and reason of videos that are counted together."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One video that was left out."""

    video: LabelledVideo
    reason: ExclusionReason
    matched_location: str = ""
    """Where the video stands that it is the same as."""

    @property
    def group(self) -> ExclusionGroup:
        """What it is counted with."""
        return self.video.source, self.video.split, self.reason


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
        text = f"renamed: {self.old} -> {self.new} ({self.num_videos:,} videos)"
        if not self.missing_from:
            return text
        names = " and ".join(self.missing_from)
        return f"{text}; the released list of {names} has no class of that name"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeResult:
    """A union, and how it came to be; not written yet."""

    classes: tuple[str, ...]
    """The place of a name is its label."""
    training: tuple[LabelledVideo, ...]
    validation: tuple[LabelledVideo, ...]
    exclusions: tuple[Exclusion, ...]
    num_read: dict[tuple[str, DatasetSplit], int]
    """Videos that each source named."""
    renames: tuple[ClassRename, ...]
    kept_separate: tuple[tuple[str, str, str], ...]
    """Old name, new name and a source that has both, so that they are two classes."""
    target_tests: tuple[tuple[str, int], ...]
    """The sources that counted as target tests, and how many videos each has."""
    input_paths: tuple[Path, ...] = ()
    """All lists that were read."""

    @property
    def num_kept(self) -> dict[DatasetSplit, int]:
        """Videos of each split."""
        return {"training": len(self.training), "validation": len(self.validation)}

    @property
    def empty_classes(self) -> list[str]:
        """Classes without a training video."""
        used_classes = {video.class_name for video in self.training}
        return [name for name in self.classes if name not in used_classes]

    def count_exclusions(self) -> Counter[ExclusionGroup]:
        """How many videos each source lost in each split, by reason."""
        return Counter(exclusion.group for exclusion in self.exclusions)

    def format(self, max_examples: int = 3) -> str:
        """Say it to a person: numbers, and the first few videos of each kind of removal."""
        kept = ", ".join(f"{split} {number:,}" for split, number in self.num_kept.items())
        lines = [f"{len(self.classes)} classes; videos kept: {kept}"]
        groups: dict[ExclusionGroup, list[Exclusion]] = defaultdict(list)
        for exclusion in self.exclusions:
            groups[exclusion.group].append(exclusion)
        for source, number in self.num_read.items():
            lines.append(f"{', '.join(source)}: {number:,} read")
            for (*excluded_from, reason), exclusions in groups.items():
                if tuple(excluded_from) == source:
                    lines += _format_exclusions(reason, exclusions, max_examples)
        lines += map(str, self.renames)
        lines += [
            f"kept separate: {old} and {new}, both are classes of {source}"
            for old, new, source in self.kept_separate
        ]
        if self.empty_classes:
            lines.append(f"without a training video: {_shorten(self.empty_classes, max_examples)}")
        targets = ", ".join(f"{name} ({count:,} videos)" for name, count in self.target_tests)
        lines.append(f"target tests: {targets or 'none, only validation videos give way'}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The report for programs, without the single videos."""
        return {
            "classes": list(self.classes),
            "num_kept": self.num_kept,
            "num_read": [
                {"source": source, "split": split, "videos": videos}
                for (source, split), videos in self.num_read.items()
            ],
            "excluded": [
                {"source": source, "split": split, "reason": reason, "videos": videos}
                for (source, split, reason), videos in self.count_exclusions().items()
            ],
            "renames": [asdict(rename) for rename in self.renames],
            "kept_separate": [
                {"old": old, "new": new, "source": source}
                for old, new, source in self.kept_separate
            ],
            "empty_classes": self.empty_classes,
            "target_tests": [
                {"source": name, "videos": videos} for name, videos in self.target_tests
            ],
        }


def _format_exclusions(
    reason: ExclusionReason, exclusions: Sequence[Exclusion], max_examples: int
) -> list[str]:
    plural = "s" if len(exclusions) > 1 and reason in ("no file", "duplicate") else ""
    return [f"  - {len(exclusions):,} {reason}{plural}"] + [
        f"      {exclusion.video.location}: {exclusion.video.id}"
        + (f", as in {exclusion.matched_location}" if exclusion.matched_location else "")
        for exclusion in exclusions[:max_examples]
    ]


def _shorten(names: Sequence[str], max_shown: int) -> str:
    num_hidden = len(names) - max_shown
    suffix = f" and {num_hidden:,} more classes" if num_hidden > 0 else ""
    return ", ".join(names[:max_shown]) + suffix
