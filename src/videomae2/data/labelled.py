"""Sources of videos with class names: from annotation files, folders and lists."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from videomae2.data.cells import PARQUET, Cells, read_cells
from videomae2.data.columns import Columns
from videomae2.data.folders import extension
from videomae2.data.identity import IdRule, video_id, written_id
from videomae2.data.listing import read_text
from videomae2.data.manifest import ABSENT, Entry, Manifest
from videomae2.data.union_report import Removal, Split
from videomae2.errors import ManifestError

ID_COLUMNS = ("youtube_id", "video_id", "id")


@dataclass(frozen=True, slots=True)
class LabelledVideo:
    """One video and what is seen in it."""

    id: str
    """The same in all lists that hold this video."""
    name: str
    """Its class."""
    where: str
    """file:line of its list, or its path."""
    entry: Entry | None = None
    """Its file; None: known from annotations only."""


@dataclass(frozen=True, slots=True)
class LabelledSource:
    """The videos of one split of one data set."""

    name: str
    split: Split
    videos: tuple[LabelledVideo, ...]
    classes: frozenset[str]
    """All its classes, also those without a video here."""
    removed: tuple[Removal, ...] = ()
    """What is left out already."""


def read_annotations(
    path: Path | str,
    name: str,
    split: Split,
    *,
    ids: IdRule = "youtube",
    keep: str | None = None,
) -> LabelledSource:
    """Read an annotation table: a column label with names, and one with the video's id.

    Those of Kinetics have label, youtube_id, time_start, time_end, split.

    Args:
        path: CSV, TSV, JSON lines or Parquet.
        name: What the source is called in the report.
        split: What its videos are for.
        ids: What of a cell is the id, as of a file name.
        keep: Rows to keep, as column=value, such as split=train.

    Raises:
        ManifestError: Columns are missing, or cells are empty or no ids: the first ten are named.
    """
    source = str(path)
    column, _, value = (keep or "").partition("=")
    column = column.strip().lower()
    text = None if extension(source) in PARQUET else read_text(source)
    cells = read_cells(source, text, ["label", *ID_COLUMNS, *filter(None, [column])])
    chosen = _id_column(cells, source, ("label", column))
    rows = [i for i in range(len(cells.lines)) if not keep or cells.columns[column][i] == value]
    if keep and not rows:
        raise ManifestError(f"no row with {keep}", path=source)
    found = _ids_of_cells(cells, source, rows, ("label", chosen), ids)
    labels = cells.columns["label"]
    videos = tuple(
        LabelledVideo(id_, labels[i], f"{source}:{cells.lines[i]}")
        for i, id_ in zip(rows, found, strict=True)
    )
    return LabelledSource(name, split, videos, frozenset(one.name for one in videos))


def read_ids(
    path: Path | str, name: str, split: Split, *, ids: IdRule = "youtube"
) -> LabelledSource:
    """Read of an annotation table only which videos it has, such as a test list without labels.

    Args:
        path: CSV, TSV, JSON lines or Parquet.
        name: What the source is called.
        split: What its videos are for.
        ids: What of a cell is the id, as of a file name.

    Raises:
        ManifestError: It has no column of ids, or cells are empty or no ids.
    """
    source = str(path)
    cells = read_cells(
        source, None if extension(source) in PARQUET else read_text(source), ID_COLUMNS
    )
    chosen, rows = _id_column(cells, source, ()), list(range(len(cells.lines)))
    pairs = zip(_ids_of_cells(cells, source, rows, (chosen,), ids), cells.lines, strict=True)
    videos = tuple(LabelledVideo(one, "", f"{source}:{line}") for one, line in pairs)
    return LabelledSource(name, split, videos, frozenset())


def _id_column(cells: Cells, source: str, needed: tuple[str, ...]) -> str:
    """Find the column of ids; refuse a table without it, or without ``needed``."""
    ids = [one for one in ID_COLUMNS if one in cells.columns]
    absent = [repr(one) for one in needed if one and one not in cells.columns]
    if absent or not ids:
        wanted = ", ".join([*absent, *([] if ids else [" or ".join(ID_COLUMNS)])])
        raise ManifestError(
            f"its columns are {', '.join(cells.names)}; wanted {wanted}", path=source
        )
    return ids[0]


def _ids_of_cells(
    cells: Cells, source: str, rows: list[int], names: tuple[str, ...], rule: IdRule
) -> list[str]:
    """Give the ids in some rows, in the last of the columns; raise all that is wrong at once."""
    columns = Columns(source, paths=[cells.columns[names[-1]][i] for i in rows])
    for line, message in cells.problems:
        columns.wrong(line, message)
    for i in rows:
        for name in names:
            if not cells.columns[name][i]:
                columns.wrong(cells.lines[i], f"the column {name} is empty")
    texts = ((cells.lines[i], cells.columns[names[-1]][i]) for i in rows)
    return _ids(columns, (one for one in texts if one[1]), lambda text: written_id(text, rule))


def ids_of(manifest: Manifest, rule: IdRule) -> list[str]:
    """Give the ids of the files of a list.

    Raises:
        ManifestError: Names of files are no ids: the first ten are named, with their lines.
    """
    columns = Columns(manifest.source, paths=manifest.paths)
    paths = (entry.path for entry in manifest)
    texts = zip(manifest.lines.tolist(), paths, strict=True)
    return _ids(columns, texts, lambda path: video_id(path, rule))


def _ids(
    columns: Columns, texts: Iterable[tuple[int, str]], give: Callable[[str], str]
) -> list[str]:
    """Give the ids of texts by line; what has none is noted, and all that is wrong is raised."""
    found = []
    for line, text in texts:
        try:
            found.append(give(text))
        except ValueError as error:
            columns.wrong(line, str(error))
    columns.check()
    return found


def from_manifest(manifest: Manifest, name: str, split: Split, *, ids: IdRule) -> LabelledSource:
    """Take a folder per class or a list with class names as a source.

    Args:
        manifest: Read with labels, so that it has class names.
        name: What the source is called in the report.
        split: What its videos are for.
        ids: Where the id of a video stands. Own videos: "path"; "file-name" makes one of
            a/001.mp4 and b/001.mp4.

    Raises:
        ManifestError: It has no class names, a video has no label, or file names are no ids.
    """
    classes = manifest.class_names
    if classes is None or (manifest.labels == ABSENT).any():
        raise ManifestError("has videos without a class name", path=manifest.source)
    videos = tuple(
        LabelledVideo(id_, classes[entry.label or 0], entry.where, entry)
        for id_, entry in zip(ids_of(manifest, ids), manifest, strict=True)
    )
    return LabelledSource(name, split, videos, frozenset(classes))


def with_files(
    source: LabelledSource, entries: Iterable[Entry], *, ids: IdRule = "youtube"
) -> LabelledSource:
    """Give every annotated video its file, found by the id in the file's name.

    Videos without a file are left out, and listed so. Files of other videos are no harm.

    Raises:
        ValueError: A file name is no YouTube id.
    """
    files = {video_id(entry.path, ids): entry for entry in entries}
    found = tuple(replace(v, entry=files[v.id]) for v in source.videos if v.id in files)
    gone = tuple(
        Removal(v.id, source.name, source.split, v.where, "no file")
        for v in source.videos
        if v.id not in files
    )
    return replace(source, videos=found, removed=source.removed + gone)


def to_manifest(videos: Iterable[LabelledVideo], classes: tuple[str, ...], source: str) -> Manifest:
    """Make the list to train on; label = place of the class name.

    Args:
        videos: Each with a file.
        classes: The names in the order of the labels.
        source: What the list is called.

    Raises:
        ManifestError: A video has no file, or a class that is not known; the first ten are named.
    """
    label = {name: i for i, name in enumerate(classes)}
    columns = Columns(source, class_names=classes, origin="union of labelled sources")
    for one in videos:
        if one.entry is None or one.name not in label:
            why = "has no file" if one.entry is None else f"has the unknown class {one.name!r}"
            columns.wrong(0, f"{one.where}: {one.id} {why}")
            continue
        entry, frames = one.entry, one.entry.frames
        columns.add(
            entry.path,
            first=entry.first,
            frames=ABSENT if frames is None else frames,
            label=label[one.name],
            is_frames=entry.is_frames,
        )
    columns.check()
    return columns.manifest("")
