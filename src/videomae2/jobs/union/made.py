"""A union that is made: for people and for programs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from videomae2.data.label_union import MergedVideos
from videomae2.data.labelled import LabelledSource


@dataclass(frozen=True, slots=True)
class MergeResult:
    """A union, not written yet."""

    merged: MergedVideos
    input_paths: tuple[Path, ...]
    """All lists that were read."""
    target_tests: tuple[tuple[str, int], ...]
    """The sources that counted as target tests, and how many videos each has."""

    def format(self) -> str:
        """The report for people."""
        targets = ", ".join(f"{name} ({videos:,} videos)" for name, videos in self.target_tests)
        summary = targets or "none, only validation videos give way"
        return f"{self.merged.report.format()}\ntarget tests: {summary}"

    def to_dict(self) -> dict[str, object]:
        """The report for programs, without the single videos."""
        report = self.merged.report
        return {
            "classes": list(self.merged.classes),
            "kept": report.num_kept,
            "read": [
                {"source": source, "split": split, "videos": videos}
                for (source, split), videos in report.num_read.items()
            ],
            "removed": [
                {"source": source, "split": split, "reason": reason, "videos": videos}
                for (source, split, reason), videos in report.count_exclusions().items()
            ],
            "renamed": [asdict(rename) for rename in report.renames],
            "kept_apart": [asdict(one) for one in report.kept_separate],
            "empty_classes": list(report.empty_classes),
            "target_tests": [{"source": name, "videos": videos} for name, videos in self.target_tests],
        }


def count_videos(sources: Sequence[LabelledSource]) -> tuple[tuple[str, int], ...]:
    """The names of sources, and how many videos each has, those without a file as well."""
    return tuple((source.name, len(source.videos) + len(source.exclusions)) for source in sources)
