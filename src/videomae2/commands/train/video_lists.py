"""Which lists of videos a run reads: what they say, and which files they name.

Lists are compared by a digest of what they say, their files by a fingerprint: a data set that was
moved is the same one.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from videomae2.commands.train.datasets import VAL_FOLDER, TrainValData
from videomae2.config.runs import Run
from videomae2.data.loading.labels import LabelledData
from videomae2.data.loading.quarantine import find_changed_files
from videomae2.data.manifests.fingerprint import (
    Fingerprint,
    compute_fingerprint,
    describe_difference,
)
from videomae2.data.manifests.manifest import Manifest


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
    fingerprint: Fingerprint

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "VideoList":
        """Build it from what ``asdict`` gave; KeyError or TypeError if it did not."""
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


def _find_list_change(old: VideoList | None, new: VideoList | None) -> str | None:
    """Say that a list came, went, or does not say what it said; None if it does."""
    if old and new and old.digest == new.digest:
        return None
    was, now = ("none" if video_list is None else video_list.videos for video_list in (old, new))
    text = f"{was} before → {now} now, not the same list"
    if not (old and new and old.classes and new.classes) or [*old.classes] == [*new.classes]:
        return text
    shown = [f"{len(names)}: {', '.join(names)}" for names in (old.classes, new.classes)]
    return f"{text}; its classes are others:\n      before  {shown[0]}\n      now     {shown[1]}"


def find_file_change(old: VideoList | None, new: VideoList | None) -> str | None:
    """Say that an unchanged list names other files than it did; None if it does not."""
    if old is None or new is None:
        return None
    change = describe_difference(old.fingerprint, new.fingerprint)
    return change and f"other files at {new.location} ({change})"


def find_changed_lists(
    old: Sequence[VideoList], new: Sequence[VideoList]
) -> Iterator[tuple[str, str, bool]]:
    """Name the lists that do not say what they said, or whose files are others (then True).

    Lists are told by their place in the configuration: a folder may have moved to another name.
    """
    for saved, current in zip_longest(old, new):
        (name, *_) = (video_list.source for video_list in (saved, current) if video_list)
        if change := _find_list_change(saved, current):
            yield name, change, False
        elif change := find_file_change(saved, current):
            yield name, change, True


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
    source_names, output_dir = [s.display_name for s in run.data.sources], run.output_dir
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
