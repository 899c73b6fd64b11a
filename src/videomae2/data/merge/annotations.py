"""Lists that name videos by id, such as the annotations of Kinetics, and the files of these."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from videomae2.data.manifests.builder import ManifestBuilder
from videomae2.data.manifests.cells import (
    PARQUET_EXTENSIONS,
    TableCells,
    is_json_lines,
    parse_header,
    read_cells,
)
from videomae2.data.manifests.class_names import read_class_names
from videomae2.data.manifests.folders import VIDEO_EXTENSIONS, find_videos, get_extension
from videomae2.data.manifests.lists import read_text
from videomae2.data.manifests.manifest import Entry
from videomae2.data.manifests.overlap import IdRule, extract_video_id, parse_video_id
from videomae2.data.manifests.public_classes import canonicalize_names
from videomae2.data.manifests.tables import COLUMN_ALIASES
from videomae2.data.merge.report import DatasetSplit
from videomae2.data.merge.sources import (
    LabelledSource,
    LabelledVideo,
    PartList,
    attach_files,
    parse_ids,
)
from videomae2.errors import ManifestError

ID_COLUMNS = ("youtube_id", "video_id", "id")


def read_annotations(
    path: Path | str,
    name: str,
    split: DatasetSplit,
    *,
    id_rule: IdRule = "youtube",
    row_filter: str | None = None,
) -> LabelledSource:
    """Read an annotation table: a column label with names, and one with the video's id.

    Those of Kinetics have label, youtube_id, time_start, time_end, split.

    Args:
        path: CSV, TSV, JSON lines or Parquet.
        name: What the source is called in the report.
        split: What its videos are for.
        id_rule: What of a cell is the id, as of a file name.
        row_filter: Rows to keep, as column=value, such as split=train.

    Raises:
        ManifestError: Columns are missing, or cells are empty or no ids: the first ten are named.
    """
    source = str(path)
    filter_column, _, filter_value = (row_filter or "").partition("=")
    filter_column = filter_column.strip().lower()
    text = None if get_extension(source) in PARQUET_EXTENSIONS else read_text(source)
    cells = read_cells(source, text, ["label", *ID_COLUMNS, *filter(None, [filter_column])])
    id_column = _find_id_column(cells, source, ("label", filter_column))
    rows = [
        i
        for i in range(len(cells.lines))
        if not row_filter or cells.columns[filter_column][i] == filter_value
    ]
    if row_filter and not rows:
        raise ManifestError(f"no row with {row_filter}", path=source)
    video_ids = _parse_cell_ids(cells, source, rows, ("label", id_column), id_rule)
    labels = cells.columns["label"]
    videos = tuple(
        LabelledVideo(id_, labels[i], f"{source}:{cells.lines[i]}")
        for i, id_ in zip(rows, video_ids, strict=True)
    )
    return LabelledSource(name, split, videos, frozenset(video.class_name for video in videos))


def read_video_ids(
    path: Path | str, name: str, split: DatasetSplit, *, id_rule: IdRule = "youtube"
) -> LabelledSource:
    """Read of an annotation table only which videos it has, such as a test list without labels.

    Args:
        path: CSV, TSV, JSON lines or Parquet.
        name: What the source is called.
        split: What its videos are for.
        id_rule: What of a cell is the id, as of a file name.

    Raises:
        ManifestError: It has no column of ids, or cells are empty or no ids.
    """
    source = str(path)
    cells = read_cells(
        source,
        None if get_extension(source) in PARQUET_EXTENSIONS else read_text(source),
        ID_COLUMNS,
    )
    id_column, rows = _find_id_column(cells, source, ()), list(range(len(cells.lines)))
    pairs = zip(
        _parse_cell_ids(cells, source, rows, (id_column,), id_rule), cells.lines, strict=True
    )
    videos = tuple(LabelledVideo(id_, "", f"{source}:{line}") for id_, line in pairs)
    return LabelledSource(name, split, videos, frozenset())


def _find_id_column(cells: TableCells, source: str, required: tuple[str, ...]) -> str:
    """Find the column of ids; refuse a table without it, or without ``required``."""
    id_columns = [column for column in ID_COLUMNS if column in cells.columns]
    missing = [repr(one) for one in required if one and one not in cells.columns]
    if missing or not id_columns:
        expected = ", ".join([*missing, *([] if id_columns else [" or ".join(ID_COLUMNS)])])
        raise ManifestError(
            f"its columns are {', '.join(cells.column_names)}; wanted {expected}", path=source
        )
    return id_columns[0]


def _parse_cell_ids(
    cells: TableCells, source: str, rows: list[int], names: tuple[str, ...], id_rule: IdRule
) -> list[str]:
    """Give the ids in some rows, in the last of the columns; raise all that is wrong at once."""
    builder = ManifestBuilder(source, paths=[cells.columns[names[-1]][i] for i in rows])
    for line, message in cells.errors:
        builder.add_error(line, message)
    for i in rows:
        for name in names:
            if not cells.columns[name][i]:
                builder.add_error(cells.lines[i], f"the column {name} is empty")
    texts = ((cells.lines[i], cells.columns[names[-1]][i]) for i in rows)
    return parse_ids(
        builder, (item for item in texts if item[1]), lambda text: parse_video_id(text, id_rule)
    )


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
    source = _apply_class_names(
        part_list,
        read_annotations(part_list.path, part_list.part.name, part_list.split, id_rule=id_rule),
    )
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
            f"{len(unknown)} of its classes are none of {part_list.part.class_names}: {examples}",
            path=part_list.path,
        )
    videos = tuple(
        replace(video, class_name=canonical_of[video.class_name]) for video in source.videos
    )
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
    return set(
        read_cells(source, text, ()).column_names
        if is_json_lines(text, file_extension)
        else parse_header(text)[0]
    )
