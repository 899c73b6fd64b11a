"""The files of a union: lists to train on, classes, what was removed, the report."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from videomae2.data.label_union import LabelledUnion
from videomae2.data.labelled import LabelledVideo, to_manifest
from videomae2.data.manifest import Entry
from videomae2.errors import ConfigError
from videomae2.jobs.whole_files import written_whole

FILES = ("train.csv", "val.csv", "classes.txt", "removed.csv", "report.txt")
REMOVED_COLUMNS = ("id", "source", "split", "where", "reason", "other")
_NUMBER = re.compile(r"-?[0-9]+(\.0+)?")


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the folder of a union now."""

    folder: Path
    changed: tuple[str, ...]
    """The files that were written; none if all were there already, word for word."""


def contents(union: LabelledUnion, report: str) -> dict[str, str]:
    """The text of each file; no val.csv where no validation video is left.

    Raises:
        ConfigError: A class has a name that no list can hold, or no training video is left.
    """
    check_class_names(union.classes)
    if any(video.entry is None for video in (*union.training, *union.validation)):
        raise ConfigError(
            "lists that name videos by id give no paths to write: leave out --no-files, or add "
            "--dry-run for the report alone"
        )
    removed = [
        (one.video, one.source, one.split, one.where, one.reason, one.other)
        for one in union.report.removals
    ]
    if not union.training:
        why = Counter(one.reason for one in union.report.removals if one.split == "training")
        said = ", ".join(f"{number:,} {reason}" for reason, number in why.items())
        raise ConfigError(f"no training video is left; left out: {said or 'none'}")
    texts = {"train.csv": _list(union.training, union.classes)}
    if union.validation:
        texts["val.csv"] = _list(union.validation, union.classes)
    return texts | {
        "classes.txt": "".join(f"{name}\n" for name in union.classes),
        "removed.csv": _table(REMOVED_COLUMNS, removed),
        "report.txt": f"{report}\n",
    }


def check_class_names(names: Sequence[str]) -> None:
    """Refuse names that would be read as something else.

    Raises:
        ConfigError: A name is a number, empty, or has blanks around it.
    """
    wrong = [repr(name) for name in names if _NUMBER.fullmatch(name) or name != name.strip()]
    wrong += [repr(name) for name in names if not name or len(name.splitlines()) > 1]
    if wrong:
        raise ConfigError(
            f"no class can be called {', '.join(wrong[:5])}: lists hold names, and a number would "
            "be read as a label; give other names with --renames or --names"
        )


def check_free(
    out: Path, texts: Mapping[str, str], *, read: Iterable[Path], replace: bool
) -> list[str]:
    """Say which files would be written: those that are not there as they should be.

    Args:
        out: The folder.
        texts: What each file should hold.
        read: The lists that the union was made of.
        replace: Whether files that differ may be replaced.

    Raises:
        ConfigError: A file is a list of a part, or differs and may not be replaced.
    """
    lists = {path.resolve() for path in read}
    if own := [name for name in FILES if (out / name).resolve() in lists]:
        raise ConfigError(f"{out / own[0]} is a list of a part; write to another folder")
    there = {name: (out / name).read_bytes() for name in FILES if (out / name).is_file()}
    differ = [name for name in there if there[name] != texts.get(name, "").encode()]
    if differ and not replace:
        raise ConfigError(
            f"{out} holds another union, {', '.join(differ)} would change: write to another "
            "folder, or use --replace"
        )
    return [name for name in texts if name not in there or name in differ]


def write(out: Path, texts: Mapping[str, str]) -> None:
    """Write all files; each is whole, and none takes its place before all are written.

    Raises:
        ConfigError: The folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with ExitStack() as waiting:
            for name, text in texts.items():
                partial = waiting.enter_context(written_whole(out / name))
                partial.write_bytes(text.encode())
        for name in FILES:
            if name not in texts:
                (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write to {out}: {error.strerror}") from error


def _list(videos: tuple[LabelledVideo, ...], classes: tuple[str, ...]) -> str:
    """Paths and names of classes, and windows where a list has any."""
    entries = list(to_manifest(videos, classes, "the union"))
    rows = [(one.path, classes[one.label or 0]) for one in entries]
    if not any(one.is_frames or one.frames or one.first for one in entries):
        return _table(("path", "label"), rows)
    return _table(
        ("path", "label", "first", "frames"),
        [(*row, *_window(one)) for row, one in zip(rows, entries, strict=True)],
    )


def _window(one: Entry) -> tuple[int | str, int | str]:
    """First frame and number of frames; nothing for a whole video, no number up to its end."""
    if one.frames is None:
        return (one.first or "", "")
    return (one.first, one.frames)


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
