"""Read all lists of a merge, whatever their kind, and say everything that is wrong with them."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from videomae2.base.progress import track
from videomae2.data.manifests.class_names import read_class_names
from videomae2.data.manifests.manifest import Entry, Manifest
from videomae2.data.manifests.read import read_manifest
from videomae2.data.merge.annotations import (
    find_files_by_id,
    is_annotated,
    read_annotated,
    read_annotations,
)
from videomae2.data.merge.sources import (
    DatasetSplit,
    LabelledSource,
    LabelledVideo,
    MergePart,
    build_labelled_source,
    parse_manifest_ids,
)
from videomae2.errors import ConfigError, ManifestError

ReadList = Callable[[MergePart, DatasetSplit, Path], LabelledSource]


def read_sources(parts: Sequence[MergePart], *, check_files: bool) -> list[LabelledSource]:
    """Read the lists of all parts; videos without a file are left out, where files are looked for.

    Raises:
        ConfigError: With everything that is wrong with the lists.
    """
    find_files = cache(find_files_by_id) if check_files else None

    def read(part: MergePart, split: DatasetSplit, path: Path) -> LabelledSource:
        if is_annotated(path):
            return read_annotated(part, split, path, find_files)
        return _read_listed(part, split, path, check_files=check_files)

    return _read_each(
        read, [(part, split, path) for part in parts for split, path in part.list_splits()]
    )


def read_targets(targets: Sequence[MergePart]) -> list[LabelledSource]:
    """Read what models will be tested on later; labels are not needed.

    Raises:
        ConfigError: With everything that is wrong with the lists.
    """
    return _read_each(_read_target, [(part, "validation", part.training) for part in targets])


def _read_each(
    read: ReadList, lists: Sequence[tuple[MergePart, DatasetSplit, Path]]
) -> list[LabelledSource]:
    problems, sources = [], []
    with track("lists", total=len(lists), unit="list") as progress:
        for part, split, path in lists:
            try:
                source = read(part, split, path)
                _check_utf8_names(source, path)
                sources.append(source)
            except ManifestError as error:
                problems.append(str(error))
            progress.advance()
    if problems:
        raise ConfigError(problems)
    return sources


def _check_utf8_names(source: LabelledSource, path: Path) -> None:
    """Refuse names of files that no list can hold."""
    names = [video.entry.path if video.entry else video.location for video in source.videos]
    for name in (*names, *(video.id for video in source.missing)):
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise ManifestError(
                f"{name!r} is no UTF-8, in which lists are written: rename it", path=path
            ) from error


def _read_listed(
    part: MergePart, split: DatasetSplit, path: Path, *, check_files: bool
) -> LabelledSource:
    """Read a list of files with labels by name, or by number and names for them."""
    names = None if part.class_names is None else read_class_names(part.class_names)
    manifest = read_manifest(
        path, root=part.root, labels="required", class_names=names, check_some_exist=check_files
    )
    if manifest.class_names is None:
        raise ManifestError(
            f"its labels are numbers; --class-names {part.name}=FILE says what they are called, or "
            f"--class-names {part.name}=SET, a public set such as kinetics-400",
            path=path,
        )
    manifest = _make_absolute(manifest)
    _check_whole_videos(manifest)
    source = build_labelled_source(manifest, part.name, split, id_rule=part.id_rule or "path")
    return _drop_missing_files(source) if check_files else source


def _read_target(part: MergePart, split: DatasetSplit, path: Path) -> LabelledSource:
    """Read a list of which only the ids count."""
    if is_annotated(path):
        id_rule = part.id_rule or "youtube"
        return read_annotations(path, part.name, split, id_rule=id_rule, with_labels=False)
    id_rule = part.id_rule or "path"
    manifest = _make_absolute(
        read_manifest(path, root=part.root, check_some_exist=id_rule == "path")
    )
    videos = tuple(
        LabelledVideo(id_, "", entry.location, part.name, split)
        for id_, entry in zip(parse_manifest_ids(manifest, id_rule), manifest, strict=True)
    )
    return LabelledSource(part.name, split, videos, frozenset())


def _make_absolute(manifest: Manifest) -> Manifest:
    """Paths that mean the same wherever the union is written, and are equal for equal files."""
    return replace(manifest, root=os.path.abspath(manifest.root))


def _check_whole_videos(manifest: Manifest) -> None:
    """All windows but the first would count as duplicates."""
    first_by_path: dict[str, Entry] = {}
    for entry in manifest:
        earlier = first_by_path.setdefault(entry.path, entry)
        if earlier.window != entry.window:
            raise ManifestError(
                f"names several windows of {entry.path}: {earlier.location} and {entry.location}; "
                "a union takes every video once, so cut it into files, or train on several lists",
                path=manifest.source,
            )


def _drop_missing_files(source: LabelledSource) -> LabelledSource:
    """Leave out the videos that are not there; every folder is listed once, which is quick."""
    list_names = cache(_list_names)

    def has_file(video: LabelledVideo) -> bool:
        assert video.entry is not None
        # a slash at the end of a path would leave no name to look for
        folder, name = os.path.split(video.entry.path.rstrip(os.sep))
        return name in list_names(folder)

    is_present = [has_file(video) for video in source.videos]
    pairs = list(zip(source.videos, is_present, strict=True))
    return replace(
        source,
        videos=tuple(video for video, is_there in pairs if is_there),
        missing=tuple(video for video, is_there in pairs if not is_there),
    )


def _list_names(folder: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()
