"""A merged set for people, for programs, and as files: lists, classes, exclusions, report."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from videomae2.base.files import atomic_write
from videomae2.data.manifests.manifest import Entry
from videomae2.data.merge.merge import MergedVideos
from videomae2.data.merge.sources import LabelledSource, LabelledVideo, build_merged_manifest
from videomae2.errors import ConfigError


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
            "num_kept": report.num_kept,
            "num_read": [
                {"source": source, "split": split, "videos": videos}
                for (source, split), videos in report.num_read.items()
            ],
            "excluded": [
                {"source": source, "split": split, "reason": reason, "videos": videos}
                for (source, split, reason), videos in report.count_exclusions().items()
            ],
            "renames": [asdict(rename) for rename in report.renames],
            "kept_separate": [asdict(one) for one in report.kept_separate],
            "empty_classes": list(report.empty_classes),
            "target_tests": [
                {"source": name, "videos": videos} for name, videos in self.target_tests
            ],
        }


def count_videos(sources: Sequence[LabelledSource]) -> tuple[tuple[str, int], ...]:
    """The names of sources, and how many videos each has, those without a file as well."""
    return tuple((source.name, len(source.videos) + len(source.exclusions)) for source in sources)


OUTPUT_FILES = ("train.csv", "val.csv", "classes.txt", "excluded.csv", "report.txt")


EXCLUSION_COLUMNS = ("id", "source", "split", "location", "reason", "matched_location")


_NUMBER = re.compile(r"-?[0-9]+(\.0+)?")


@dataclass(frozen=True, slots=True)
class MergeOutput:
    """What stands in the folder of a union now."""

    folder: Path
    changed: tuple[str, ...]
    """The files that were written; none if all were there already, word for word."""


def format_files(merged: MergedVideos, report: str) -> dict[str, str]:
    """The text of each file; no val.csv where no validation video is left.

    Raises:
        ConfigError: A class has a name that no list can hold, or no training video is left.
    """
    check_writable_names(merged.classes)
    if any(video.entry is None for video in (*merged.training, *merged.validation)):
        raise ConfigError(
            "lists that name videos by id give no paths to write: leave out --no-files, or add "
            "--dry-run for the report alone"
        )
    exclusions = [
        (
            exclusion.video_id,
            exclusion.source,
            exclusion.split,
            exclusion.location,
            exclusion.reason,
            exclusion.matched_location,
        )
        for exclusion in merged.report.exclusions
    ]
    if not merged.training:
        reasons = Counter(one.reason for one in merged.report.exclusions if one.split == "training")
        summary = ", ".join(f"{number:,} {reason}" for reason, number in reasons.items())
        raise ConfigError(f"no training video is left; left out: {summary or 'none'}")
    texts = {"train.csv": _format_list(merged.training, merged.classes)}
    if merged.validation:
        texts["val.csv"] = _format_list(merged.validation, merged.classes)
    return texts | {
        "classes.txt": "".join(f"{name}\n" for name in merged.classes),
        "excluded.csv": _format_table(EXCLUSION_COLUMNS, exclusions),
        "report.txt": f"{report}\n",
    }


def check_writable_names(names: Sequence[str]) -> None:
    """Refuse names that would be read as something else.

    Raises:
        ConfigError: A name is a number, empty, or has blanks around it.
    """
    invalid = [repr(name) for name in names if _NUMBER.fullmatch(name) or name != name.strip()]
    invalid += [repr(name) for name in names if not name or len(name.splitlines()) > 1]
    if invalid:
        raise ConfigError(
            f"no class can be called {', '.join(invalid[:5])}: lists hold names, and a number "
            "would be read as a label; give other names with --renames or --class-names"
        )


def find_changed_files(
    out: Path, texts: Mapping[str, str], *, inputs: Iterable[Path], replace: bool
) -> list[str]:
    """Say which files would be written: those that are not there as they should be.

    Args:
        out: The folder.
        texts: What each file should hold.
        inputs: The lists that the union was made of.
        replace: Whether files that differ may be replaced.

    Raises:
        ConfigError: A file is a list of a part, or differs and may not be replaced.
    """
    lists = {path.resolve() for path in inputs}
    if clashes := [name for name in OUTPUT_FILES if (out / name).resolve() in lists]:
        raise ConfigError(f"{out / clashes[0]} is a list of a part; write to another folder")
    existing = {name: (out / name).read_bytes() for name in OUTPUT_FILES if (out / name).is_file()}
    changed = [name for name in existing if existing[name] != texts.get(name, "").encode()]
    if changed and not replace:
        raise ConfigError(
            f"{out} holds another union, {', '.join(changed)} would change: write to another "
            "folder, or use --replace"
        )
    return [name for name in texts if name not in existing or name in changed]


def write_files(out: Path, texts: Mapping[str, str]) -> None:
    """Write all files; each is whole, and none takes its place before all are written.

    Raises:
        ConfigError: The folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            for name, text in texts.items():
                partial = stack.enter_context(atomic_write(out / name))
                partial.write_bytes(text.encode())
        for name in OUTPUT_FILES:
            if name not in texts:
                (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write to {out}: {error.strerror}") from error


def _format_list(videos: tuple[LabelledVideo, ...], classes: tuple[str, ...]) -> str:
    """Paths and names of classes, and windows where a list has any."""
    entries = list(build_merged_manifest(videos, classes, "the union"))
    rows = [(entry.path, classes[entry.label or 0]) for entry in entries]
    if not any(one.is_frames or one.frames or one.first for one in entries):
        return _format_table(("path", "label"), rows)
    return _format_table(
        ("path", "label", "first", "frames"),
        [(*row, *_format_window(one)) for row, one in zip(rows, entries, strict=True)],
    )


def _format_window(entry: Entry) -> tuple[int | str, int | str]:
    """First frame and number of frames; nothing for a whole video, no number up to its end."""
    if entry.frames is None:
        return (entry.first or "", "")
    return (entry.first, entry.frames)


def _format_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
