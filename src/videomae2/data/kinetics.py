"""Kinetics-710: the union of Kinetics-400, -600 and -700 that the paper post-pre-trains on."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from videomae2.data.known_classes import POSITIONAL_RENAMES, KINETICS_RENAMES, lookup_public_dataset, load_public_classes
from videomae2.data.label_union import MergedVideos, merge_sources
from videomae2.data.labelled import LabelledSource
from videomae2.data.union_report import ClassRename


def merge_kinetics(
    sources: Sequence[LabelledSource], *, target_tests: Sequence[LabelledSource] | None = None
) -> MergedVideos:
    """Build K710, with the labels of released models, from the annotations of its parts.

    Args:
        sources: Training and validation splits, with YouTube ids. A name such as K400 or
            kinetics-400 says which part it is, so that the report can tell which classes its
            released list lacks.
        target_tests: What models will be tested on later; None: every validation source given,
            () only drops validation videos found in training, as the released text says.

    Raises:
        ConfigError: A class is none of the 710, after renaming.
    """
    sources = _use_annotation_names(sources)
    merged = merge_sources(
        sources,
        renames=KINETICS_RENAMES,
        classes=load_public_classes("kinetics-710"),
        target_tests=target_tests,
    )
    renames = tuple(_add_missing_lists(rename, sources) for rename in merged.report.renames)
    return replace(merged, report=replace(merged.report, renames=renames))


def _use_annotation_names(sources: Sequence[LabelledSource]) -> list[LabelledSource]:
    """Call two classes of Kinetics-400 as its annotations do, where its released list names them.

    There `hugging baby` means `hugging`; in the other parts it is another class.
    """
    classes: dict[str, frozenset[str]] = defaultdict(frozenset)
    for source in sources:
        classes[source.name] |= source.classes
    released = frozenset(load_public_classes("kinetics-400"))
    annotation_names = {listed: annotated for annotated, listed in POSITIONAL_RENAMES.items()}
    return [
        _rename_source_classes(source, annotation_names) if classes[source.name] == released else source for source in sources
    ]


def _rename_source_classes(source: LabelledSource, names: Mapping[str, str]) -> LabelledSource:
    videos = tuple(replace(video, class_name=names.get(video.class_name, video.class_name)) for video in source.videos)
    classes = frozenset(names.get(name, name) for name in source.classes)
    return replace(source, videos=videos, classes=classes)


def _add_missing_lists(rename: ClassRename, sources: Sequence[LabelledSource]) -> ClassRename:
    """Name the parts whose released list has no class of the new name."""
    parts = dict.fromkeys(source.name for source in sources if rename.old in source.classes)
    released_lists = {name: _load_released_classes(name) for name in parts}
    missing_from = (name for name, known in released_lists.items() if known and rename.new not in known)
    return replace(rename, missing_from=tuple(missing_from))


def _load_released_classes(source: str) -> tuple[str, ...]:
    """The classes of the part that a source's name says it is; none where it says none."""
    match = re.search(r"(?<!\d)(400|600|700)(?!\d)", source)
    public_dataset = lookup_public_dataset(f"kinetics-{match[1]}") if match else None
    return () if public_dataset is None else load_public_classes(public_dataset)
