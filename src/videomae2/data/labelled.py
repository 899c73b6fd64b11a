"""Sources of videos with class names: from annotation files, folders and lists."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from videomae2.data.cells import PARQUET_EXTENSIONS, TableCells, read_cells
from videomae2.data.columns import ManifestBuilder
from videomae2.data.folders import get_extension
from videomae2.data.identity import IdRule, extract_video_id, parse_video_id
from videomae2.data.listing import read_text
from videomae2.data.manifest import ABSENT, Entry, Manifest
from videomae2.data.union_report import Exclusion, DatasetSplit
from videomae2.errors import ManifestError

ID_COLUMNS = ("youtube_id", "video_id", "id")


@dataclass(frozen=True, slots=True)
class LabelledVideo:
    """One video and what is seen in it."""

    id: str
    """The same in all lists that hold this video."""
    class_name: str
    """Its class."""
    location: str
    """file:line of its list, or its path."""
    entry: Entry | None = None
    """Its file; None: known from annotations only."""


@dataclass(frozen=True, slots=True)
class LabelledSource:
    """The videos of one split of one data set."""

    name: str
    split: DatasetSplit
    videos: tuple[LabelledVideo, ...]
    classes: frozenset[str]
    """All its classes, also those without a video here."""
    exclusions: tuple[Exclusion, ...] = ()
    """What is left out already."""


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
    rows = [i for i in range(len(cells.lines)) if not row_filter or cells.columns[filter_column][i] == filter_value]
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
        source, None if get_extension(source) in PARQUET_EXTENSIONS else read_text(source), ID_COLUMNS
    )
    id_column, rows = _find_id_column(cells, source, ()), list(range(len(cells.lines)))
    pairs = zip(_parse_cell_ids(cells, source, rows, (id_column,), id_rule), cells.lines, strict=True)
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
    return parse_ids(builder, (item for item in texts if item[1]), lambda text: parse_video_id(text, id_rule))


def parse_manifest_ids(manifest: Manifest, id_rule: IdRule) -> list[str]:
    """Give the ids of the files of a list.

    Raises:
        ManifestError: Names of files are no ids: the first ten are named, with their lines.
    """
    builder = ManifestBuilder(manifest.source, paths=manifest.paths)
    paths = (entry.path for entry in manifest)
    texts = zip(manifest.lines.tolist(), paths, strict=True)
    return parse_ids(builder, texts, lambda path: extract_video_id(path, id_rule))


def parse_ids(
    builder: ManifestBuilder, texts: Iterable[tuple[int, str]], parse_id: Callable[[str], str]
) -> list[str]:
    """Give the ids of texts by line; what has none is noted, and all that is wrong is raised."""
    ids = []
    for line, text in texts:
        try:
            ids.append(parse_id(text))
        except ValueError as error:
            builder.add_error(line, str(error))
    builder.check()
    return ids


def build_labelled_source(manifest: Manifest, name: str, split: DatasetSplit, *, id_rule: IdRule) -> LabelledSource:
    """Take a folder per class or a list with class names as a source.

    Args:
        manifest: Read with labels, so that it has class names.
        name: What the source is called in the report.
        split: What its videos are for.
        id_rule: Where the id of a video stands. Own videos: "path"; "file-name" makes one of
            a/001.mp4 and b/001.mp4.

    Raises:
        ManifestError: It has no class names, a video has no label, or file names are no ids.
    """
    classes = manifest.class_names
    if classes is None or (manifest.labels == ABSENT).any():
        raise ManifestError("has videos without a class name", path=manifest.source)
    videos = tuple(
        LabelledVideo(id_, classes[entry.label or 0], entry.location, entry)
        for id_, entry in zip(parse_manifest_ids(manifest, id_rule), manifest, strict=True)
    )
    return LabelledSource(name, split, videos, frozenset(classes))


def attach_files(
    source: LabelledSource, entries: Iterable[Entry], *, id_rule: IdRule = "youtube"
) -> LabelledSource:
    """Give every annotated video its file, found by the id in the file's name.

    Videos without a file are left out, and listed so. Files of other videos are no harm.

    Raises:
        ValueError: A file name is no YouTube id.
    """
    files = {extract_video_id(entry.path, id_rule): entry for entry in entries}
    videos = tuple(replace(v, entry=files[v.id]) for v in source.videos if v.id in files)
    exclusions = tuple(
        Exclusion(v.id, source.name, source.split, v.location, "no file")
        for v in source.videos
        if v.id not in files
    )
    return replace(source, videos=videos, exclusions=source.exclusions + exclusions)


def build_merged_manifest(videos: Iterable[LabelledVideo], classes: tuple[str, ...], source: str) -> Manifest:
    """Make the list to train on; label = place of the class name.

    Args:
        videos: Each with a file.
        classes: The names in the order of the labels.
        source: What the list is called.

    Raises:
        ManifestError: A video has no file, or a class that is not known; the first ten are named.
    """
    label_of = {name: i for i, name in enumerate(classes)}
    builder = ManifestBuilder(source, class_names=classes, description="union of labelled sources")
    for video in videos:
        if video.entry is None or video.class_name not in label_of:
            reason = "has no file" if video.entry is None else f"has the unknown class {video.class_name!r}"
            builder.add_error(0, f"{video.location}: {video.id} {reason}")
            continue
        entry, frames = video.entry, video.entry.frames
        builder.add(
            entry.path,
            first=entry.first,
            frames=ABSENT if frames is None else frames,
            label=label_of[video.class_name],
            is_frames=entry.is_frames,
        )
    builder.check()
    return builder.build("")
