"""The parts of a union whose lists name videos by id: their files are looked for."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from videomae2.data.cells import PARQUET_EXTENSIONS, parse_header, is_json_lines, read_cells
from videomae2.data.class_names import read_class_names
from videomae2.data.folders import VIDEO_EXTENSIONS, get_extension, find_videos
from videomae2.data.identity import IdRule, extract_video_id
from videomae2.data.known_classes import canonicalize_names
from videomae2.data.labelled import ID_COLUMNS, LabelledSource, read_annotations, attach_files
from videomae2.data.listing import read_text
from videomae2.data.manifest import Entry
from videomae2.data.tables import COLUMN_ALIASES
from videomae2.errors import ManifestError
from videomae2.jobs.union.parts import PartList

FindFiles = Callable[[str, IdRule], Mapping[str, list[str]]]
"""Gives the files below a folder, by id."""


def is_annotated(path: Path) -> bool:
    """Whether a list names videos by ids, as the annotations of Kinetics do, not by paths.

    Raises:
        ManifestError: It cannot be read.
    """
    if not path.is_file() or get_extension(str(path)) in VIDEO_EXTENSIONS:
        return False
    columns = _read_column_names(str(path))
    return bool(columns & set(ID_COLUMNS)) and not columns & set(COLUMN_ALIASES["path"])


def resolve_id_rule(part_list: PartList) -> IdRule:
    """How the ids of annotations are read."""
    return part_list.part.id_rule or "youtube"


def read_annotated(part_list: PartList, find_files: FindFiles | None) -> LabelledSource:
    """Read annotations, and find the files of their videos.

    Args:
        part_list: With labels by name.
        find_files: Gives the files; None: they are not looked for.

    Raises:
        ManifestError: No video has a file, one has several, a cell is no id, or a class is not
            known.
    """
    id_rule, root = resolve_id_rule(part_list), str(part_list.part.root or part_list.path.parent)
    source = _apply_class_names(part_list, read_annotations(part_list.path, part_list.part.name, part_list.split, id_rule=id_rule))
    if find_files is None:
        return source
    files = find_files(root, id_rule)
    _check_single_files(part_list, source, files, root)
    entries = [Entry(files[video.id][0]) for video in source.videos if video.id in files]
    attached = attach_files(source, entries, id_rule=id_rule)
    if not attached.videos:
        example = f"{source.videos[0].id}.mp4" + " or with its times" * (id_rule == "youtube")
        raise ManifestError(
            f"none of its {len(source.videos):,} videos has a file below {root}, such as {example};"
            f" --roots {source.name}=FOLDER says where they lie",
            path=part_list.path,
        )
    return attached


def _apply_class_names(part_list: PartList, source: LabelledSource) -> LabelledSource:
    """All classes of the part, where they are given, and its videos under their names."""
    if part_list.part.class_names is None:
        return source
    names, source_classes = read_class_names(part_list.part.class_names), sorted(source.classes)
    canonical_of = dict(zip(source_classes, canonicalize_names(names, source_classes), strict=True))
    if unknown := [name for name in source_classes if canonical_of[name] not in names]:
        examples = ", ".join(map(repr, unknown[:5]))
        raise ManifestError(
            f"{len(unknown)} of its classes are none of {part_list.part.class_names}: {examples}", path=part_list.path
        )
    videos = tuple(replace(video, class_name=canonical_of[video.class_name]) for video in source.videos)
    return replace(source, videos=videos, classes=frozenset(names))


def find_files_by_id(root: str, id_rule: IdRule) -> Mapping[str, list[str]]:
    """Give all videos of a folder by id; names that are no ids belong to no annotated video.

    Raises:
        ManifestError: A folder cannot be listed.
    """
    files = defaultdict(list)
    for path in find_videos(root)[0]:
        try:
            files[extract_video_id(path, id_rule)].append(os.path.abspath(os.path.join(root, path)))
        except ValueError:
            continue
    return files


def _check_single_files(
    part_list: PartList, source: LabelledSource, files: Mapping[str, list[str]], root: str
) -> None:
    """Two cuts of one video of YouTube show different things."""
    ambiguous = [video.id for video in source.videos if len(files.get(video.id, ())) > 1]
    if ambiguous:
        raise ManifestError(
            f"{len(ambiguous):,} of its videos have several files below {root}, such as "
            f"{' and '.join(files[ambiguous[0]][:2])}; keep one, or give each part a folder of its "
            f"own: --roots {part_list.part.name}=FOLDER",
            path=part_list.path,
        )


def _read_column_names(source: str) -> set[str]:
    if get_extension(source) in PARQUET_EXTENSIONS:
        return set(read_cells(source, None, ()).column_names)
    text, file_extension = read_text(source), get_extension(source)
    return set(read_cells(source, text, ()).column_names if is_json_lines(text, file_extension) else parse_header(text)[0])
