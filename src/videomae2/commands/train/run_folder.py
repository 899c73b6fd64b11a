"""The folder of a run: what it was started with, and whether a run can go on in it.

``run.yaml`` holds the configuration, ``videos.json`` what the lists of videos said and which files
they named. Without a checkpoint nothing goes on: another run begins there and replaces the log,
but no model.
"""

import hashlib
import json
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from videomae2.base.files import atomic_write
from videomae2.commands.train.datasets import VAL_FOLDER, TrainValData
from videomae2.config.diff import RESUME_SAFE_FIELDS, diff_configs
from videomae2.config.files import load_config, save_config
from videomae2.config.runs import Run
from videomae2.data.loading.labels import LabelledData
from videomae2.data.loading.quarantine import FILE_NAME as UNREADABLE_FILE
from videomae2.data.loading.quarantine import find_changed_files
from videomae2.data.manifests.fingerprint import (
    Fingerprint,
    compute_fingerprint,
    describe_difference,
)
from videomae2.data.manifests.manifest import Manifest
from videomae2.errors import ConfigError
from videomae2.models.weights.resolve import BEST_FOLDER, PREVIOUS_BEST_FOLDER, STUDENTS_FOLDER
from videomae2.training.logger import METRICS_FILE, TENSORBOARD_FOLDER

RUN_FILE = "run.yaml"
VIDEOS_FILE = "videos.json"
_LOG_FILES = (
    *(METRICS_FILE, UNREADABLE_FILE, TENSORBOARD_FOLDER, VAL_FOLDER),
    *(RUN_FILE, VIDEOS_FILE),  # last: while they are there, a kill in between changes nothing
)
_MODEL_FOLDERS = (BEST_FOLDER, PREVIOUS_BEST_FOLDER, STUDENTS_FOLDER)


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoList:
    """One list of videos that a run reads."""

    source: str
    videos: int
    digest: str
    """Names what the list says: the videos, their windows and labels, the names of classes."""
    classes: Sequence[str] = ()
    """The names of its classes in the order of their labels, or of its numbers."""
    location: str = ""
    """The list or folder that was read."""
    fingerprint: Fingerprint
    """What its files are, in brief."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "VideoList":
        """Build it from what ``asdict`` gave.

        Raises:
            KeyError: A part is missing.
            TypeError: A part is missing or unknown.
        """
        return cls(**{**values, "fingerprint": Fingerprint(**values["fingerprint"])})


def build_video_list(
    source: str,
    manifest: Manifest,
    digest: str,
    *,
    classes: Sequence[str] = (),
    changed_files: Collection[str] = (),
) -> VideoList:
    """Describe a list, and look at its files; those that were repaired tell nothing."""
    return VideoList(
        source=source,
        videos=len(manifest),
        digest=digest,
        classes=list(classes),
        location=manifest.source,
        fingerprint=compute_fingerprint(manifest, changed_files=changed_files),
    )


def find_list_change(old: VideoList | None, new: VideoList | None) -> str | None:
    """Say that a list came, went, or does not say what it said; None if it does."""
    old_digest, new_digest = (video_list and video_list.digest for video_list in (old, new))
    if old_digest == new_digest:
        return None
    counts = ["none" if video_list is None else str(video_list.videos) for video_list in (old, new)]
    return f"{counts[0]} -> {counts[1]}, not the same list{_format_class_change(old, new)}"


def _format_class_change(old: VideoList | None, new: VideoList | None) -> str:
    """Show the names of classes before and now, where they are known and others."""
    old_classes, new_classes = (
        list(video_list.classes) if video_list else [] for video_list in (old, new)
    )
    if old_classes == new_classes or not old_classes or not new_classes:
        return ""
    pairs = (("before", old_classes), ("now", new_classes))
    shown = (f"\n      {what:<6}  {len(names)}: {', '.join(names)}" for what, names in pairs)
    return "; its classes are others:" + "".join(shown)


def find_file_change(old: VideoList | None, new: VideoList | None) -> str | None:
    """Say that an unchanged list names other files than it did; None if it does not."""
    if old is None or new is None:
        return None
    change = describe_difference(old.fingerprint, new.fingerprint)
    return change and f"other files at {new.location} ({change})"


def build_unlabelled_lists(run: Run, manifests: Sequence[Manifest]) -> tuple[VideoList, ...]:
    """What lists without labels say.

    Files that the run has found unreadable and that were repaired since are no other files.
    """
    changed_files = find_changed_files(run.output_dir)
    return tuple(
        build_video_list(
            source.display_name, manifest, manifest.digest(), changed_files=changed_files
        )
        for source, manifest in zip(run.data.sources, manifests, strict=True)
    )


def build_labelled_lists(run: Run, videos: TrainValData) -> tuple[VideoList, ...]:
    """What the lists of a supervised training say, those that are held out as well."""
    source_names, output_dir = (
        [source.display_name for source in run.data.sources],
        run.output_dir,
    )
    lists = list(_build_lists(source_names, videos.train, find_changed_files(output_dir)))
    if videos.val is not None:
        val_names = [f"{name}, held out" for name in source_names]
        lists += _build_lists(val_names, videos.val, find_changed_files(output_dir / VAL_FOLDER))
    return tuple(lists)


def _build_lists(
    sources: Sequence[str], videos: LabelledData, changed_files: Collection[str]
) -> Iterator[VideoList]:
    """Name the content of labelled lists; labels need not stand in the manifest itself."""
    for source, manifest, targets in zip(sources, videos.manifests, videos.targets, strict=False):
        content = hashlib.sha256(manifest.digest().encode())
        content.update("\0".join(videos.class_names).encode("utf-8", "surrogatepass"))
        content.update(targets.tobytes())
        yield build_video_list(
            source,
            manifest,
            content.hexdigest()[:16],
            classes=videos.class_names,
            changed_files=changed_files,
        )


def check_resume_compatible(
    run: Run, lists: Sequence[VideoList], ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS
) -> None:
    """Refuse to go on in a folder whose run was another one.

    Args:
        run: What would go on.
        lists: What its lists say.
        ignored_fields: Settings that may differ: they change no result, or the caller has compared
            them.

    Raises:
        ConfigError: With every difference that matters, old and new.
    """
    folder = run.output_dir
    problems = []
    if (folder / RUN_FILE).exists():
        old = load_config(type(run), folder / RUN_FILE)
        problems = [
            f"  {d.path}: {d.old} -> {d.new}"
            for d in diff_configs(old, run, ignored_fields)
            if d.affects_results
        ]
    if (folder / VIDEOS_FILE).exists():
        problems += _find_changed_lists(folder, lists)
    if problems:
        raise ConfigError(
            f"{folder} holds a run that differs, so it cannot go on as this one:\n"
            + "\n".join(problems)
            + "\nuse the old values, or another --out"
        )


def write_run_files(run: Run, lists: Sequence[VideoList]) -> None:
    """Write what the run is made of: its configuration and its lists of videos."""
    folder = run.output_dir
    save_config(run, folder / RUN_FILE)
    with atomic_write(folder / VIDEOS_FILE) as partial:
        partial.write_text(json.dumps([asdict(entry) for entry in lists], indent=1) + "\n")


def _find_changed_lists(folder: Path, lists: Sequence[VideoList]) -> Iterator[str]:
    """Name the lists that do not say what they said, or whose files are others.

    Lists are told by their place in the configuration: a folder may have moved to another name.
    """
    for saved, current in zip_longest(_load_lists(folder / VIDEOS_FILE), lists):
        (name, *_) = (video_list.source for video_list in (saved, current) if video_list)
        if change := find_list_change(saved, current):
            yield f"  videos of {name}: {change}"
        elif change := find_file_change(saved, current):
            yield (
                f"  videos of {name}: {change}; if they are meant to be in the place of the old "
                f"ones, delete {folder / VIDEOS_FILE} to go on with them"
            )


def _load_lists(path: Path) -> list[VideoList]:
    """What the lists said when the run was last begun.

    Raises:
        ConfigError: The file is not ours, or not whole.
    """
    try:
        return [VideoList.from_dict(entry) for entry in json.loads(path.read_text())]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}; it says what the lists of videos were, delete it to "
            f"go on without comparing them"
        ) from error


def is_different_run(
    run: Run, lists: Sequence[VideoList], ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS
) -> bool:
    """Whether the run that is in the folder differs, or cannot be understood."""
    try:
        check_resume_compatible(run, lists, ignored_fields)
    except ConfigError:
        return True
    return False


def check_no_models(folder: Path) -> None:
    """Refuse to begin where another run has left a model.

    Raises:
        ConfigError: There is one; it may be worth more than the run that would begin.
    """
    for name in _MODEL_FOLDERS:
        if (folder / name).exists():
            raise ConfigError(
                f"{folder} holds a run that differs and has no checkpoint, but a model in "
                f"{folder / name}; choose another --out, or delete it to begin there"
            )


def delete_log(folder: Path) -> None:
    """Delete what a run without a checkpoint has written, so that another begins there."""
    for path in (folder / name for name in _LOG_FILES):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
