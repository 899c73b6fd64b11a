"""The parts of a merge, and their videos with class names and ids."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from videomae2.data.manifests.builder import ManifestBuilder
from videomae2.data.manifests.manifest import ABSENT, Entry, Manifest
from videomae2.data.splits.overlap import IdRule, extract_video_id
from videomae2.errors import ManifestError

DatasetSplit = Literal["training", "validation"]


@dataclass(frozen=True, slots=True)
class LabelledVideo:
    """One video of a list, and what is seen in it."""

    id: str
    """The same in all lists that hold this video."""
    class_name: str
    """Its class; "" where only its id is wanted."""
    location: str
    """file:line of its list, or its path."""
    source: str
    """Whose list that is."""
    split: DatasetSplit
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
    missing: tuple[LabelledVideo, ...] = ()
    """Videos whose file is not there: left out, but no less a test."""


@dataclass(frozen=True, slots=True)
class MergePart:
    """One data set of a union, and how its lists are read."""

    name: str
    training: Path
    validation: Path | None = None
    class_names: Path | None = None
    """What its labels are called, where they are numbers: a file, or a public set."""
    root: Path | None = None
    """Where its files lie; the folder of each list if not given."""
    id_rule: IdRule | None = None
    """Where the id of a video stands."""

    def list_splits(self) -> list[tuple[DatasetSplit, Path]]:
        """Its lists, and what each is for."""
        lists: list[tuple[DatasetSplit, Path]] = [("training", self.training)]
        if self.validation is not None:
            lists.append(("validation", self.validation))
        return lists


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


def build_labelled_source(
    manifest: Manifest, name: str, split: DatasetSplit, *, id_rule: IdRule
) -> LabelledSource:
    """Take a folder per class or a list with class names as a source.

    The rule "path" suits own videos; "file-name" makes one of a/001.mp4 and b/001.mp4.

    Raises:
        ManifestError: It has no class names, a video has no label, or file names are no ids.
    """
    classes = manifest.class_names
    if classes is None or (manifest.labels == ABSENT).any():
        raise ManifestError("has videos without a class name", path=manifest.source)
    videos = tuple(
        LabelledVideo(id_, classes[entry.label or 0], entry.location, name, split, entry)
        for id_, entry in zip(parse_manifest_ids(manifest, id_rule), manifest, strict=True)
    )
    return LabelledSource(name, split, videos, frozenset(classes))


def attach_files(source: LabelledSource, files: Mapping[str, Entry]) -> LabelledSource:
    """Give annotated videos their files by id; those without are missing, others are no harm."""
    return replace(
        source,
        videos=tuple(replace(v, entry=files[v.id]) for v in source.videos if v.id in files),
        missing=source.missing + tuple(v for v in source.videos if v.id not in files),
    )


def rename_classes(source: LabelledSource, names: Mapping[str, str]) -> LabelledSource:
    """The same source with other names for some classes."""
    videos = tuple(
        replace(video, class_name=names[video.class_name]) if video.class_name in names else video
        for video in source.videos
    )
    return replace(
        source, videos=videos, classes=frozenset(names.get(name, name) for name in source.classes)
    )
