"""The parts of a merge, and their videos with class names and ids."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from videomae2.data.manifests.builder import ManifestBuilder
from videomae2.data.manifests.manifest import ABSENT, Entry, Manifest
from videomae2.data.manifests.overlap import IdRule, extract_video_id
from videomae2.data.merge.report import DatasetSplit, Exclusion
from videomae2.errors import ManifestError


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


def build_merged_manifest(
    videos: Iterable[LabelledVideo], classes: tuple[str, ...], source: str
) -> Manifest:
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
            reason = (
                "has no file"
                if video.entry is None
                else f"has the unknown class {video.class_name!r}"
            )
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

    def list_inputs(self) -> "list[PartList]":
        """Its lists, and what each is for."""
        lists = [PartList(self, "training", self.training)]
        if self.validation is not None:
            lists.append(PartList(self, "validation", self.validation))
        return lists


@dataclass(frozen=True, slots=True)
class PartList:
    """One list of a part."""

    part: MergePart
    split: DatasetSplit
    path: Path


@dataclass(frozen=True, slots=True)
class MergeInputs:
    """All lists of a union."""

    parts: tuple[MergePart, ...]
    targets: tuple[MergePart, ...]
    """Lists of target tests that are of no part; the training list counts."""
