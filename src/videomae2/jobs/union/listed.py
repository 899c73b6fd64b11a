"""The parts of a union whose lists name files: released lists, tables, folders of classes."""

import os
from dataclasses import replace

from videomae2.data.class_names import read_class_names
from videomae2.data.labelled import LabelledSource, LabelledVideo, build_labelled_source, parse_manifest_ids
from videomae2.data.listing import read_manifest
from videomae2.data.manifest import Entry, Manifest
from videomae2.data.union_report import Exclusion
from videomae2.errors import ManifestError
from videomae2.jobs.union.parts import PartList


def read_listed(part_list: PartList, *, check_files: bool) -> LabelledSource:
    """Read a list of files with labels.

    Args:
        part_list: With labels by name, or by number and names for them.
        check_files: Whether files are looked for; videos without one are left out, and listed so.

    Raises:
        ManifestError: Labels have no names, or the list cannot be read.
    """
    part = part_list.part
    names = None if part.class_names is None else read_class_names(part.class_names)
    manifest = read_manifest(
        part_list.path, root=part.root, labels="required", class_names=names, check_some_exist=check_files
    )
    if manifest.class_names is None:
        raise ManifestError(
            f"its labels are numbers; --class-names {part.name}=FILE says what they are called, or "
            f"--class-names {part.name}=SET, a public set such as kinetics-400",
            path=part_list.path,
        )
    manifest = _make_absolute(manifest)
    _check_whole_videos(manifest)
    source = build_labelled_source(manifest, part.name, part_list.split, id_rule=part.id_rule or "path")
    return _drop_missing_files(source) if check_files else source


def _make_absolute(manifest: Manifest) -> Manifest:
    """Paths that mean the same wherever the union is written, and are equal for equal files."""
    return replace(manifest, root=os.path.abspath(manifest.root))


def _check_whole_videos(manifest: Manifest) -> None:
    """All windows but the first would count as duplicates."""
    first_by_path: dict[str, Entry] = {}
    for entry in manifest:
        earlier = first_by_path.setdefault(entry.path, entry)
        if (earlier.first, earlier.frames) != (entry.first, entry.frames):
            raise ManifestError(
                f"names several windows of {entry.path}: {earlier.location} and {entry.location}; a union "
                "takes every video once, so cut it into files, or train on several lists",
                path=manifest.source,
            )


def _drop_missing_files(source: LabelledSource) -> LabelledSource:
    """Leave out the videos that are not there; every folder is listed once, which is quick."""
    # a slash at the end of a path would leave no name to look for
    paths = [video.entry.path.rstrip(os.sep) for video in source.videos if video.entry]
    folder_and_name = [os.path.split(path) for path in paths]
    names_in = {folder: _list_names(folder) for folder in {folder for folder, _ in folder_and_name}}
    on_disk = [name in names_in[folder] for folder, name in folder_and_name]
    kept: list[LabelledVideo] = []
    exclusions = list(source.exclusions)
    for video, exists in zip(source.videos, on_disk, strict=True):
        if exists:
            kept.append(video)
        else:
            exclusions.append(Exclusion(video.id, source.name, source.split, video.location, "no file"))
    return replace(source, videos=tuple(kept), exclusions=tuple(exclusions))


def _list_names(folder: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


def read_unlabelled_list(part_list: PartList) -> LabelledSource:
    """Read a list of files of which only the ids count.

    Raises:
        ManifestError: It cannot be read, or file names are no ids.
    """
    id_rule = part_list.part.id_rule or "path"
    loaded = read_manifest(part_list.path, root=part_list.part.root, check_some_exist=id_rule == "path")
    manifest = _make_absolute(loaded)
    pairs = zip(parse_manifest_ids(manifest, id_rule), manifest, strict=True)
    videos = tuple(LabelledVideo(id_, "", entry.location) for id_, entry in pairs)
    return LabelledSource(part_list.part.name, part_list.split, videos, frozenset())
