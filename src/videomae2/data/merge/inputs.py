"""Read all lists of a merge, whatever their kind, and say everything that is wrong with them."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache

from videomae2.data.manifests.class_names import read_class_names
from videomae2.data.manifests.manifest import Entry, Manifest
from videomae2.data.manifests.read import read_manifest
from videomae2.data.merge.annotations import (
    find_files_by_id,
    is_annotated,
    read_annotated,
    read_video_ids,
    resolve_id_rule,
)
from videomae2.data.merge.report import Exclusion
from videomae2.data.merge.sources import (
    LabelledSource,
    LabelledVideo,
    MergePart,
    PartList,
    build_labelled_source,
    parse_manifest_ids,
)
from videomae2.errors import ConfigError, ManifestError


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
        part_list.path,
        root=part.root,
        labels="required",
        class_names=names,
        check_some_exist=check_files,
    )
    if manifest.class_names is None:
        raise ManifestError(
            f"its labels are numbers; --class-names {part.name}=FILE says what they are called, or "
            f"--class-names {part.name}=SET, a public set such as kinetics-400",
            path=part_list.path,
        )
    manifest = _make_absolute(manifest)
    _check_whole_videos(manifest)
    source = build_labelled_source(
        manifest, part.name, part_list.split, id_rule=part.id_rule or "path"
    )
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
                f"names several windows of {entry.path}: {earlier.location} and {entry.location}; "
                "a union takes every video once, so cut it into files, or train on several lists",
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
            exclusions.append(
                Exclusion(video.id, source.name, source.split, video.location, "no file")
            )
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
    loaded = read_manifest(
        part_list.path, root=part_list.part.root, check_some_exist=id_rule == "path"
    )
    manifest = _make_absolute(loaded)
    pairs = zip(parse_manifest_ids(manifest, id_rule), manifest, strict=True)
    videos = tuple(LabelledVideo(id_, "", entry.location) for id_, entry in pairs)
    return LabelledSource(part_list.part.name, part_list.split, videos, frozenset())


def read_sources(parts: Sequence[MergePart], *, check_files: bool) -> list[LabelledSource]:
    """Read the lists of all parts.

    Args:
        parts: Of the union.
        check_files: Whether files are looked for; videos without one are left out, and listed so.

    Raises:
        ConfigError: With everything that is wrong with the lists.
    """
    find_files = cache(find_files_by_id) if check_files else None

    def read(part_list: PartList) -> LabelledSource:
        if is_annotated(part_list.path):
            return read_annotated(part_list, find_files)
        return read_listed(part_list, check_files=check_files)

    return _read_each(read, (one for part in parts for one in part.list_inputs()))


def read_targets(targets: Sequence[MergePart]) -> list[LabelledSource]:
    """Read what models will be tested on later; labels are not needed.

    Raises:
        ConfigError: With everything that is wrong with the lists.
    """

    def read(part_list: PartList) -> LabelledSource:
        if is_annotated(part_list.path):
            return read_video_ids(
                part_list.path,
                part_list.part.name,
                part_list.split,
                id_rule=resolve_id_rule(part_list),
            )
        return read_unlabelled_list(part_list)

    return _read_each(read, (PartList(target, "validation", target.training) for target in targets))


def _read_each(
    read: Callable[[PartList], LabelledSource], lists: Iterable[PartList]
) -> list[LabelledSource]:
    problems, sources = [], []
    for part_list in lists:
        try:
            sources.append(_check_utf8_names(read(part_list), part_list))
        except ManifestError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError(problems)
    return sources


def _check_utf8_names(source: LabelledSource, part_list: PartList) -> LabelledSource:
    """Refuse names of files that no list can hold."""
    names = [one.location if one.entry is None else one.entry.path for one in source.videos]
    for name in (*names, *(one.video_id for one in source.exclusions)):
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise ManifestError(
                f"{name!r} is no UTF-8, in which lists are written: rename it", path=part_list.path
            ) from error
    return source
