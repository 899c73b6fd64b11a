"""Lists that name videos by id, such as the annotations of Kinetics, and the files of these."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from videomae2.data.manifests.builder import ManifestBuilder
from videomae2.data.manifests.class_names import read_class_names
from videomae2.data.manifests.fingerprint import file_stat
from videomae2.data.manifests.folders import VIDEO_EXTENSIONS, find_videos, get_extension
from videomae2.data.manifests.manifest import Entry
from videomae2.data.manifests.public_classes import canonicalize_names
from videomae2.data.merge.sources import (
    DatasetSplit,
    LabelledSource,
    LabelledVideo,
    MergePart,
    attach_files,
    parse_ids,
    rename_classes,
)
from videomae2.data.splits.overlap import IdRule, extract_video_id, parse_video_id
from videomae2.data.tables.cells import (
    is_json,
    parse_header,
    read_cells,
    read_table_text,
)
from videomae2.data.tables.columns import ID_COLUMNS, PATH_COLUMNS
from videomae2.data.tables.values import TableCells
from videomae2.errors import ManifestError

FindFiles = Callable[[str, IdRule], Mapping[str, list[str]]]
"""Gives the files below a folder, by id."""


def is_annotated(path: Path) -> bool:
    """Whether a list names videos by ids, as the annotations of Kinetics do, not by paths.

    Raises:
        ManifestError: It cannot be read.
    """
    if not path.is_file() or get_extension(str(path)) in VIDEO_EXTENSIONS:
        return False
    return _has_id_column(str(path), tuple(file_stat(str(path))))


@cache  # a merge asks twice, and lists are long; the values tell a file that has changed
def _has_id_column(path: str, stat_values: tuple[int, ...]) -> bool:
    text = read_table_text(path)
    if text is None or is_json(text, get_extension(path)):
        columns = set(read_cells(path, text, lambda _: False).column_names)
    else:
        columns = set(parse_header(text)[0])
    return bool(columns & set(ID_COLUMNS)) and not columns & set(PATH_COLUMNS)


def read_annotations(
    path: Path | str,
    name: str,
    split: DatasetSplit,
    *,
    id_rule: IdRule = "youtube",
    with_labels: bool = True,
) -> LabelledSource:
    """Read an annotation table: a column of ids, and one called label with names of classes.

    Those of Kinetics have label, youtube_id, time_start, time_end, split. The id rule says what of
    a cell is the id, as of a file name. Of a test list the ids are enough.

    Raises:
        ManifestError: Columns are missing, or cells are empty or no ids: the first ten are named.
    """
    source = str(path)
    cells = read_cells(source, read_table_text(source), {"label", *ID_COLUMNS}.__contains__)
    id_column = next((column for column in ID_COLUMNS if column in cells.columns), None)
    wanted = ["'label'"] if with_labels and "label" not in cells.columns else []
    wanted += [] if id_column else [" or ".join(ID_COLUMNS)]
    if id_column is None or wanted:
        names = ", ".join(cells.column_names)
        raise ManifestError(f"its columns are {names}; wanted {', '.join(wanted)}", path=source)
    ids = _parse_id_column(cells, source, id_column, id_rule, with_labels=with_labels)
    labels = cells.columns["label"] if with_labels else [""] * len(ids)
    videos = tuple(
        LabelledVideo(id_, label, f"{source}:{line}", name, split)
        for id_, label, line in zip(ids, labels, cells.lines, strict=True)
    )
    return LabelledSource(name, split, videos, frozenset(filter(None, labels)))


def _parse_id_column(
    cells: TableCells, source: str, id_column: str, id_rule: IdRule, *, with_labels: bool
) -> list[str]:
    """Give the id of every row; raise all that is wrong with the table at once."""
    texts = cells.columns[id_column]
    builder = ManifestBuilder(source, paths=texts)
    for line, message in cells.errors:
        builder.add_error(line, message)
    for row, line in enumerate(cells.lines):
        for column in ("label", id_column) if with_labels else (id_column,):
            if not cells.columns[column][row]:
                builder.add_error(line, f"the column {column} is empty")
    filled = ((line, text) for line, text in zip(cells.lines, texts, strict=True) if text)
    return parse_ids(builder, filled, lambda text: parse_video_id(text, id_rule))


def read_annotated(
    part: MergePart, split: DatasetSplit, path: Path, find_files: FindFiles | None
) -> LabelledSource:
    """Read annotations with labels by name, and find the files of their videos, if they are wanted.

    Raises:
        ManifestError: No video has a file, one has several, a cell is no id, or a class is not
            known.
    """
    id_rule, root = part.id_rule or "youtube", str(part.root or path.parent)
    source = read_annotations(path, part.name, split, id_rule=id_rule)
    if part.class_names is not None:
        source = _apply_class_names(source, part.class_names, path)
    if find_files is None:
        return source
    files = find_files(root, id_rule)
    _check_single_files(source, files, root, path)
    attached = attach_files(source, {id_: Entry(paths[0]) for id_, paths in files.items()})
    if not attached.videos:
        example = f"{source.videos[0].id}.mp4" + " or with its times" * (id_rule == "youtube")
        raise ManifestError(
            f"none of its {len(source.videos):,} videos has a file below {root}, such as {example};"
            f" --roots {source.name}=FOLDER says where they lie",
            path=path,
        )
    return attached


def _apply_class_names(source: LabelledSource, class_names: Path, path: Path) -> LabelledSource:
    """All classes that a part has, and its videos under their names."""
    names, source_classes = read_class_names(class_names), sorted(source.classes)
    canonical_of = dict(zip(source_classes, canonicalize_names(names, source_classes), strict=True))
    if unknown := [name for name in source_classes if canonical_of[name] not in names]:
        examples = ", ".join(map(repr, unknown[:5]))
        raise ManifestError(
            f"{len(unknown)} of its classes are none of {class_names}: {examples}", path=path
        )
    return replace(rename_classes(source, canonical_of), classes=frozenset(names))


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
    source: LabelledSource, files: Mapping[str, list[str]], root: str, path: Path
) -> None:
    """Two cuts of one video of YouTube show different things."""
    ambiguous = [video.id for video in source.videos if len(files.get(video.id, ())) > 1]
    if ambiguous:
        raise ManifestError(
            f"{len(ambiguous):,} of its videos have several files below {root}, such as "
            f"{' and '.join(files[ambiguous[0]][:2])}; keep one, or give each part a folder of its "
            f"own: --roots {source.name}=FOLDER",
            path=path,
        )
