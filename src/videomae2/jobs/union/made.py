"""A union that is made: for people and for programs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from videomae2.data.label_union import LabelledUnion
from videomae2.data.labelled import LabelledSource


@dataclass(frozen=True, slots=True)
class MadeUnion:
    """A union, not written yet."""

    union: LabelledUnion
    lists: tuple[Path, ...]
    """All lists that were read."""
    targets: tuple[tuple[str, int], ...]
    """The sources that counted as target tests, and how many videos each has."""

    def text(self) -> str:
        """The report for people."""
        targets = ", ".join(f"{name} ({videos:,} videos)" for name, videos in self.targets)
        said = targets or "none, only validation videos give way"
        return f"{self.union.report.text()}\ntarget tests: {said}"

    def values(self) -> dict[str, object]:
        """The report for programs, without the single videos."""
        report = self.union.report
        return {
            "classes": list(self.union.classes),
            "kept": report.kept,
            "read": [
                {"source": source, "split": split, "videos": videos}
                for (source, split), videos in report.read.items()
            ],
            "removed": [
                {"source": source, "split": split, "reason": reason, "videos": videos}
                for (source, split, reason), videos in report.counts().items()
            ],
            "renamed": [asdict(one) for one in report.renamed],
            "kept_apart": [asdict(one) for one in report.kept_apart],
            "empty_classes": list(report.empty_classes),
            "target_tests": [{"source": name, "videos": videos} for name, videos in self.targets],
        }


def counted(sources: Sequence[LabelledSource]) -> tuple[tuple[str, int], ...]:
    """The names of sources, and how many videos each has, those without a file as well."""
    return tuple((source.name, len(source.videos) + len(source.removed)) for source in sources)
