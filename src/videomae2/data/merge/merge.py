"""One labelled set out of several: classes unified, every video once, no test video in training.

Source of the steps: docs/DATASET.md of the released code and the appendix of the paper (merge,
duplicates by YouTube id, validation videos found in training, rename table). On top of that,
target-test videos leave the training set, which the released text does not say. Kinetics-710 is
the union of Kinetics-400, -600 and -700 that the paper post-pre-trains on.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from videomae2.data.manifests.public_classes import (
    KINETICS_RENAMES,
    POSITIONAL_RENAMES,
    load_public_classes,
    lookup_public_dataset,
)
from videomae2.data.merge.report import (
    ClassRename,
    DatasetSplit,
    Exclusion,
    ExclusionReason,
    KeptSeparate,
    MergeReport,
)
from videomae2.data.merge.sources import LabelledSource, LabelledVideo
from videomae2.errors import ConfigError


@dataclass(frozen=True, slots=True)
class MergedVideos:
    """What `merge_sources` made."""

    classes: tuple[str, ...]
    """The place of a name is its label."""
    training: tuple[LabelledVideo, ...]
    validation: tuple[LabelledVideo, ...]
    report: MergeReport


@dataclass(frozen=True, slots=True)
class _SourceVideo:
    """A video, and which source it came from."""

    video: LabelledVideo
    source: LabelledSource

    def build_exclusion(self, reason: ExclusionReason, matched_location: str) -> Exclusion:
        video, source = self.video, self.source
        return Exclusion(
            video.id, source.name, source.split, video.location, reason, matched_location
        )


def merge_sources(
    sources: Sequence[LabelledSource],
    *,
    renames: Mapping[str, str] | None = None,
    classes: Sequence[str] | None = None,
    target_tests: Sequence[LabelledSource] | None = None,
) -> MergedVideos:
    """Unite the training and validation splits of labelled sources.

    1. Classes are renamed; a rename of two names that one source has both is not made.
    2. Of videos with one id, the first stays, in the order of the sources.
    3. Target-test videos leave the training set.
    4. Validation videos that are (still) in the training set leave the validation set.

    Args:
        sources: Both splits of all parts; their order decides which of two equal videos stays.
        renames: Old class name to the one that it becomes.
        classes: The classes in the order of their labels; None: those that occur, sorted.
        target_tests: What models will be tested on later. None: every validation source given
            here, so that no video of any part's validation list is trained on. Empty: nothing,
            which is the order of the released code (only the validation set gives way).

    Raises:
        ConfigError: The renames form a chain, or a class is none of ``classes``.
    """
    applied_renames, kept_separate = _resolve_renames(sources, renames or {}, classes)
    exclusions = [one for source in sources for one in source.exclusions]
    splits: dict[DatasetSplit, list[_SourceVideo]] = {}
    for split in ("training", "validation"):
        source_videos = [_SourceVideo(v, s) for s in sources if s.split == split for v in s.videos]
        renamed_videos = [
            replace(m, video=_rename_video(m.video, applied_renames)) for m in source_videos
        ]
        splits[split] = _drop_duplicates(renamed_videos, exclusions)
    if target_tests is None:
        target_tests = [source for source in sources if source.split == "validation"]
    # a test video stays one where its own file is not found: another source may have it
    test_locations = {
        exclusion.video_id: exclusion.location
        for source in target_tests
        for exclusion in source.exclusions
    }
    test_locations |= {
        video.id: video.location for source in target_tests for video in source.videos
    }
    training = _drop_known_ids(
        splits["training"], test_locations, "test video in training", exclusions
    )
    training_locations = {member.video.id: member.video.location for member in training}
    validation = _drop_known_ids(
        splits["validation"], training_locations, "validation video in training", exclusions
    )
    return _build_merged(
        sources, training, validation, classes, applied_renames, kept_separate, exclusions
    )


def _build_merged(
    sources: Sequence[LabelledSource],
    training: list[_SourceVideo],
    validation: list[_SourceVideo],
    classes: Sequence[str] | None,
    renames: Mapping[str, str],
    kept_separate: tuple[KeptSeparate, ...],
    exclusions: list[Exclusion],
) -> MergedVideos:
    occurring = {renames.get(name, name) for source in sources for name in source.classes}
    names = tuple(sorted(occurring) if classes is None else classes)
    if unknown := sorted(occurring - set(names)):
        examples = ", ".join(_format_unknown_class(name, names, sources) for name in unknown[:10])
        raise ConfigError(f"{len(unknown)} classes are none of the {len(names)} wanted: {examples}")
    used_classes = {member.video.class_name for member in training}
    report = MergeReport(
        num_read={(s.name, s.split): len(s.videos) + len(s.exclusions) for s in sources},
        num_kept={"training": len(training), "validation": len(validation)},
        num_classes=len(names),
        renames=_count_renames(sources, renames),
        kept_separate=kept_separate,
        empty_classes=tuple(name for name in names if name not in used_classes),
        exclusions=tuple(exclusions),
    )
    videos = [tuple(member.video for member in members) for members in (training, validation)]
    return MergedVideos(names, videos[0], videos[1], report)


def _format_unknown_class(
    name: str, names: Sequence[str], sources: Sequence[LabelledSource]
) -> str:
    """Name a class that is not wanted, where it may come from, and what it may mean."""
    source_names = dict.fromkeys(source.name for source in sources if name in source.classes)
    notes = [f"of {' and '.join(source_names)}"] if source_names else []
    notes += [f"near {near!r}" for near in get_close_matches(name, names, n=1, cutoff=0.8)]
    return f"{name!r}" + (f" ({', '.join(notes)})" if notes else "")


def _resolve_renames(
    sources: Sequence[LabelledSource], renames: Mapping[str, str], classes: Sequence[str] | None
) -> tuple[dict[str, str], tuple[KeptSeparate, ...]]:
    """Which renames to make: not those that would make one class of two of the same list."""
    if chain := sorted(renames.keys() & set(renames.values())):
        examples = ", ".join(map(repr, chain[:5]))
        raise ConfigError(f"renames lead to names that are renamed themselves: {examples}")
    class_lists = [(source.name, source.classes) for source in sources]
    class_lists += [] if classes is None else [("the wanted classes", frozenset(classes))]
    kept_separate = {
        old: KeptSeparate(old, new, name)
        for old, new in renames.items()
        for name, class_names in reversed(class_lists)
        if old in class_names and new in class_names
    }
    applied = {old: new for old, new in renames.items() if old not in kept_separate}
    return applied, tuple(kept_separate.values())


def _count_renames(
    sources: Sequence[LabelledSource], renames: Mapping[str, str]
) -> tuple[ClassRename, ...]:
    """The renames that had an effect."""
    videos = Counter(video.class_name for source in sources for video in source.videos)
    occurring = {name for source in sources for name in source.classes}
    return tuple(
        ClassRename(old, new, videos[old]) for old, new in renames.items() if old in occurring
    )


def _rename_video(video: LabelledVideo, renames: Mapping[str, str]) -> LabelledVideo:
    new = renames.get(video.class_name)
    return video if new is None else replace(video, class_name=new)


def _drop_duplicates(
    members: list[_SourceVideo], exclusions: list[Exclusion]
) -> list[_SourceVideo]:
    first_by_id: dict[str, LabelledVideo] = {}
    kept = []
    for member in members:
        earlier = first_by_id.setdefault(member.video.id, member.video)
        if earlier is member.video:
            kept.append(member)
        else:
            same_class = earlier.class_name == member.video.class_name
            reason: ExclusionReason = "duplicate" if same_class else "duplicate of another class"
            exclusions.append(member.build_exclusion(reason, earlier.location))
    return kept


def _drop_known_ids(
    members: list[_SourceVideo],
    locations: Mapping[str, str],
    reason: ExclusionReason,
    exclusions: list[Exclusion],
) -> list[_SourceVideo]:
    for member in members:
        if member.video.id in locations:
            exclusions.append(member.build_exclusion(reason, locations[member.video.id]))
    return [member for member in members if member.video.id not in locations]


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
        _rename_source_classes(source, annotation_names)
        if classes[source.name] == released
        else source
        for source in sources
    ]


def _rename_source_classes(source: LabelledSource, names: Mapping[str, str]) -> LabelledSource:
    videos = tuple(
        replace(video, class_name=names.get(video.class_name, video.class_name))
        for video in source.videos
    )
    classes = frozenset(names.get(name, name) for name in source.classes)
    return replace(source, videos=videos, classes=classes)


def _add_missing_lists(rename: ClassRename, sources: Sequence[LabelledSource]) -> ClassRename:
    """Name the parts whose released list has no class of the new name."""
    parts = dict.fromkeys(source.name for source in sources if rename.old in source.classes)
    released_lists = {name: _load_released_classes(name) for name in parts}
    missing_from = (
        name for name, known in released_lists.items() if known and rename.new not in known
    )
    return replace(rename, missing_from=tuple(missing_from))


def _load_released_classes(source: str) -> tuple[str, ...]:
    """The classes of the part that a source's name says it is; none where it says none."""
    match = re.search(r"(?<!\d)(400|600|700)(?!\d)", source)
    public_dataset = lookup_public_dataset(f"kinetics-{match[1]}") if match else None
    return () if public_dataset is None else load_public_classes(public_dataset)
