"""The parts of a union whose lists name files: released lists, tables, folders of classes."""

import os
from dataclasses import replace

from videomae2.data.class_names import read_class_names
from videomae2.data.labelled import LabelledSource, LabelledVideo, from_manifest, ids_of
from videomae2.data.listing import read_manifest
from videomae2.data.manifest import Entry, Manifest
from videomae2.data.union_report import Removal
from videomae2.errors import ManifestError
from videomae2.jobs.union.parts import PartList


def read_listed(one: PartList, *, files: bool) -> LabelledSource:
    """Read a list of files with labels.

    Args:
        one: With labels by name, or by number and names for them.
        files: Whether files are looked for; videos without one are left out, and listed so.

    Raises:
        ManifestError: Labels have no names, or the list cannot be read.
    """
    part = one.part
    names = None if part.names is None else read_class_names(part.names)
    manifest = read_manifest(
        one.path, root=part.root, labels="required", class_names=names, check_some_exist=files
    )
    if manifest.class_names is None:
        raise ManifestError(
            f"its labels are numbers; --names {part.name}=FILE says what they are called, or "
            f"--names {part.name}=SET, a public set such as kinetics-400",
            path=one.path,
        )
    manifest = _absolute(manifest)
    _refuse_windows(manifest)
    source = from_manifest(manifest, part.name, one.split, ids=part.ids or "path")
    return _with_existing(source) if files else source


def _absolute(manifest: Manifest) -> Manifest:
    """Paths that mean the same wherever the union is written, and are equal for equal files."""
    return replace(manifest, root=os.path.abspath(manifest.root))


def _refuse_windows(manifest: Manifest) -> None:
    """All windows but the first would count as duplicates."""
    first: dict[str, Entry] = {}
    for entry in manifest:
        before = first.setdefault(entry.path, entry)
        if (before.first, before.frames) != (entry.first, entry.frames):
            raise ManifestError(
                f"names several windows of {entry.path}: {before.where} and {entry.where}; a union "
                "takes every video once, so cut it into files, or train on several lists",
                path=manifest.source,
            )


def _with_existing(source: LabelledSource) -> LabelledSource:
    """Leave out the videos that are not there; every folder is listed once, which is quick."""
    # a slash at the end of a path would leave no name to look for
    paths = [video.entry.path.rstrip(os.sep) for video in source.videos if video.entry]
    folder_of = [os.path.split(path) for path in paths]
    listed = {folder: _listing(folder) for folder in {folder for folder, _ in folder_of}}
    there = [name in listed[folder] for folder, name in folder_of]
    kept: list[LabelledVideo] = []
    gone = list(source.removed)
    for video, is_there in zip(source.videos, there, strict=True):
        if is_there:
            kept.append(video)
        else:
            gone.append(Removal(video.id, source.name, source.split, video.where, "no file"))
    return replace(source, videos=tuple(kept), removed=tuple(gone))


def _listing(folder: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


def read_unlabelled(one: PartList) -> LabelledSource:
    """Read a list of files of which only the ids count.

    Raises:
        ManifestError: It cannot be read, or file names are no ids.
    """
    rule = one.part.ids or "path"
    read = read_manifest(one.path, root=one.part.root, check_some_exist=rule == "path")
    manifest = _absolute(read)
    pairs = zip(ids_of(manifest, rule), manifest, strict=True)
    videos = tuple(LabelledVideo(id_, "", entry.where) for id_, entry in pairs)
    return LabelledSource(one.part.name, one.split, videos, frozenset())
