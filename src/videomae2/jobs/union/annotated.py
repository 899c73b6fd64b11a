"""The parts of a union whose lists name videos by id: their files are looked for."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from videomae2.data.cells import PARQUET, header_of, is_json, read_cells
from videomae2.data.class_names import read_class_names
from videomae2.data.folders import VIDEO_EXTENSIONS, extension, find_videos
from videomae2.data.identity import IdRule, video_id
from videomae2.data.known_classes import called_as_in
from videomae2.data.labelled import ID_COLUMNS, LabelledSource, read_annotations, with_files
from videomae2.data.listing import read_text
from videomae2.data.manifest import Entry
from videomae2.data.tables import COLUMNS
from videomae2.errors import ManifestError
from videomae2.jobs.union.parts import PartList

Find = Callable[[str, IdRule], Mapping[str, list[str]]]
"""Gives the files below a folder, by id."""


def is_annotated(path: Path) -> bool:
    """Whether a list names videos by ids, as the annotations of Kinetics do, not by paths.

    Raises:
        ManifestError: It cannot be read.
    """
    if not path.is_file() or extension(str(path)) in VIDEO_EXTENSIONS:
        return False
    columns = _columns(str(path))
    return bool(columns & set(ID_COLUMNS)) and not columns & set(COLUMNS["path"])


def rule_of(one: PartList) -> IdRule:
    """How the ids of annotations are read."""
    return one.part.ids or "youtube"


def read_annotated(one: PartList, find: Find | None) -> LabelledSource:
    """Read annotations, and find the files of their videos.

    Args:
        one: With labels by name.
        find: Gives the files; None: they are not looked for.

    Raises:
        ManifestError: No video has a file, one has several, a cell is no id, or a class is not
            known.
    """
    rule, root = rule_of(one), str(one.part.root or one.path.parent)
    source = _with_classes(one, read_annotations(one.path, one.part.name, one.split, ids=rule))
    if find is None:
        return source
    files = find(root, rule)
    _refuse_several(one, source, files, root)
    entries = [Entry(files[video.id][0]) for video in source.videos if video.id in files]
    found = with_files(source, entries, ids=rule)
    if not found.videos:
        example = f"{source.videos[0].id}.mp4" + " or with its times" * (rule == "youtube")
        raise ManifestError(
            f"none of its {len(source.videos):,} videos has a file below {root}, such as {example};"
            f" --roots {source.name}=FOLDER says where they lie",
            path=one.path,
        )
    return found


def _with_classes(one: PartList, source: LabelledSource) -> LabelledSource:
    """All classes of the part, where they are given, and its videos under their names."""
    if one.part.names is None:
        return source
    names, own = read_class_names(one.part.names), sorted(source.classes)
    called = dict(zip(own, called_as_in(names, own), strict=True))
    if strange := [name for name in own if called[name] not in names]:
        some = ", ".join(map(repr, strange[:5]))
        raise ManifestError(
            f"{len(strange)} of its classes are none of {one.part.names}: {some}", path=one.path
        )
    videos = tuple(replace(video, name=called[video.name]) for video in source.videos)
    return replace(source, videos=videos, classes=frozenset(names))


def files_below(root: str, rule: IdRule) -> Mapping[str, list[str]]:
    """Give all videos of a folder by id; names that are no ids belong to no annotated video.

    Raises:
        ManifestError: A folder cannot be listed.
    """
    files = defaultdict(list)
    for path in find_videos(root)[0]:
        try:
            files[video_id(path, rule)].append(os.path.abspath(os.path.join(root, path)))
        except ValueError:
            continue
    return files


def _refuse_several(
    one: PartList, source: LabelledSource, files: Mapping[str, list[str]], root: str
) -> None:
    """Two cuts of one video of YouTube show different things."""
    several = [video.id for video in source.videos if len(files.get(video.id, ())) > 1]
    if several:
        raise ManifestError(
            f"{len(several):,} of its videos have several files below {root}, such as "
            f"{' and '.join(files[several[0]][:2])}; keep one, or give each part a folder of its "
            f"own: --roots {one.part.name}=FOLDER",
            path=one.path,
        )


def _columns(source: str) -> set[str]:
    if extension(source) in PARQUET:
        return set(read_cells(source, None, ()).names)
    text, kind = read_text(source), extension(source)
    return set(read_cells(source, text, ()).names if is_json(text, kind) else header_of(text)[0])
