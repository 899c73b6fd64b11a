"""The files of a merged set: lists, classes, what was left out, and the report."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from videomae2.base.files import atomic_write
from videomae2.data.manifests.manifest import Entry
from videomae2.data.manifests.roots import check_outside
from videomae2.data.merge.result import MergeResult
from videomae2.data.merge.sources import LabelledVideo
from videomae2.errors import ConfigError

OUTPUT_FILES = ("train.csv", "val.csv", "classes.txt", "excluded.csv", "report.txt")
EXCLUSION_COLUMNS = ("id", "source", "split", "location", "reason", "matched_location")
_NUMBER = re.compile(r"-?[0-9]+(\.0+)?")


def write_merged(
    result: MergeResult, out: Path, *, replace: bool = False, dry_run: bool = False
) -> list[str]:
    """Write train.csv, val.csv, classes.txt, excluded.csv and report.txt into a folder of its own.

    The lists of another union that are there stay, unless they are to be replaced. A dry run only
    checks.

    Returns:
        The files that were not there, word for word.

    Raises:
        ConfigError: The folder holds another union or a list of a part, lies in a folder of
            videos that was read, or cannot be written.
    """
    check_outside(out, *result.input_paths)
    texts = format_files(result)
    changed = _find_changed_files(out, texts, inputs=result.input_paths, replace=replace)
    if changed and not dry_run:
        _write_files(out, texts)
    return changed


def format_files(result: MergeResult) -> dict[str, str]:
    """The text of each file; no val.csv where no validation video is left.

    Raises:
        ConfigError: A class has a name that no list can hold, or no training video is left.
    """
    _check_writable_names(result.classes)
    if any(video.entry is None for video in (*result.training, *result.validation)):
        raise ConfigError(
            "lists that name videos by id give no paths to write: leave out --no-files, or add "
            "--dry-run for the report alone"
        )
    if not result.training:
        reasons = Counter(one.reason for one in result.exclusions if one.video.split == "training")
        summary = ", ".join(f"{number:,} {reason}" for reason, number in reasons.items())
        raise ConfigError(f"no training video is left; left out: {summary or 'none'}")
    exclusions = [
        (
            *(one.video.id, one.video.source, one.video.split, one.video.location),
            *(one.reason, one.matched_location),
        )
        for one in result.exclusions
    ]
    texts = {"train.csv": format_list(_list_pairs(result.training))}
    if result.validation:
        texts["val.csv"] = format_list(_list_pairs(result.validation))
    return texts | {
        "classes.txt": "".join(f"{name}\n" for name in result.classes),
        "excluded.csv": _format_table(EXCLUSION_COLUMNS, exclusions),
        "report.txt": f"{result.format()}\n",
    }


def _check_writable_names(names: Sequence[str]) -> None:
    """Refuse names that would be read as something else."""
    invalid = [repr(name) for name in names if _NUMBER.fullmatch(name) or name != name.strip()]
    invalid += [repr(name) for name in names if not name or len(name.splitlines()) > 1]
    if invalid:
        raise ConfigError(
            f"no class can be called {', '.join(invalid[:5])}: lists hold names, and a number "
            "would be read as a label; give other names with --renames or --class-names"
        )


def _find_changed_files(
    out: Path, texts: Mapping[str, str], *, inputs: Iterable[Path], replace: bool
) -> list[str]:
    """Say which files are not there as they should be; refuse to replace what must stay."""
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


def _write_files(out: Path, texts: Mapping[str, str]) -> None:
    """Write all files; each is whole, and none takes its place before all are written."""
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


def _list_pairs(videos: Iterable[LabelledVideo]) -> list[tuple[Entry, str]]:
    return [(video.entry, video.class_name) for video in videos if video.entry is not None]


def format_list(pairs: Sequence[tuple[Entry, str]], groups: Sequence[str] | None = None) -> str:
    """A CSV table of videos and their classes, with windows and groups where there are any.

    Raises:
        ConfigError: Some windows count in frames and some in seconds.
    """
    has_times = any(entry.seconds for entry, _ in pairs)
    has_frames = any(entry.is_frames or entry.frames or entry.first for entry, _ in pairs)
    if has_times and has_frames:
        raise ConfigError("some lists count windows in frames, some in seconds; use one of both")
    header = ["start_seconds", "stop_seconds"] * has_times + ["first", "frames"] * has_frames
    window = _format_seconds if has_times else _format_frames
    rows = [(entry.path, name, *(window(entry) if header else ())) for entry, name in pairs]
    if groups is not None:
        header.append("group")
        rows = [(*row, group) for row, group in zip(rows, groups, strict=True)]
    return _format_table(("path", "label", *header), rows)


def _format_frames(entry: Entry) -> tuple[int | str, int | str]:
    """First frame and number of frames; nothing for a whole video, no number up to its end."""
    if entry.frames is None:
        return (entry.first or "", "")
    return (entry.first, entry.frames)


def _format_seconds(entry: Entry) -> tuple[float | str, float | str]:
    start, stop = entry.seconds or ("", "")
    return (start, "" if stop == float("inf") else stop)


def _format_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
