"""One labelled set out of several: classes unified, every video once, no test video in training.

Source of the steps: docs/DATASET.md of the released code and the appendix of the paper (merge,
duplicates by YouTube id, validation videos found in training, rename table). On top of that,
target-test videos leave the training set, which the released text does not say. Kinetics-710 is
the union of Kinetics-400, -600 and -700 that the paper post-pre-trains on.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from videomae2.base.text import find_nearest, format_count
from videomae2.data.manifests.public_classes import (
    KINETICS_RENAMES,
    POSITIONAL_RENAMES,
    load_public_classes,
    lookup_public_dataset,
)
from videomae2.data.merge.result import ClassRename, Exclusion, ExclusionReason, MergeResult
from videomae2.data.merge.sources import LabelledSource, LabelledVideo, rename_classes
from videomae2.errors import ConfigError


def merge_sources(
    sources: Sequence[LabelledSource],
    *,
    renames: Mapping[str, str] | None = None,
    classes: Sequence[str] | None = None,
    target_tests: Sequence[LabelledSource] | None = None,
) -> MergeResult:
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
    renamed = [rename_classes(source, applied_renames) for source in sources]
    if target_tests is None:
        target_tests = [source for source in sources if source.split == "validation"]
    exclusions = [Exclusion(video, "no file") for source in sources for video in source.missing]
    training, validation = (
        _drop_duplicates(
            [video for source in renamed if source.split == split for video in source.videos],
            exclusions,
        )
        for split in ("training", "validation")
    )
    # a test video stays one where its own file is not found: another source may have it
    tests = [video for source in target_tests for video in source.missing]
    tests += [video for source in target_tests for video in source.videos]
    training = _drop_known(training, tests, "test video in training", exclusions)
    validation = _drop_known(validation, training, "validation video in training", exclusions)
    return MergeResult(
        classes=_resolve_classes(renamed, classes),
        training=tuple(training),
        validation=tuple(validation),
        exclusions=tuple(exclusions),
        num_read={(source.name, source.split): _count_videos(source) for source in sources},
        renames=_count_renames(sources, applied_renames),
        kept_separate=kept_separate,
        target_tests=tuple((source.name, _count_videos(source)) for source in target_tests),
    )


def _count_videos(source: LabelledSource) -> int:
    return len(source.videos) + len(source.missing)


def _resolve_classes(
    sources: Sequence[LabelledSource], classes: Sequence[str] | None
) -> tuple[str, ...]:
    """The classes that are wanted, or all that occur."""
    occurring = {name for source in sources for name in source.classes}
    names = tuple(sorted(occurring) if classes is None else classes)
    if unknown := sorted(occurring - set(names)):
        examples = ", ".join(_format_unknown_class(name, names, sources) for name in unknown[:10])
        raise ConfigError(
            f"{format_count(len(unknown), 'class')} beside the {len(names)} wanted: {examples}"
        )
    return names


def _format_unknown_class(
    name: str, names: Sequence[str], sources: Sequence[LabelledSource]
) -> str:
    """Name a class that is not wanted, where it may come from, and what it may mean."""
    source_names = dict.fromkeys(source.name for source in sources if name in source.classes)
    notes = [f"of {' and '.join(source_names)}"] if source_names else []
    if nearest := find_nearest(name, names, cutoff=0.8):
        notes.append(f"near {nearest!r}")
    return f"{name!r}" + (f" ({', '.join(notes)})" if notes else "")


def _resolve_renames(
    sources: Sequence[LabelledSource], renames: Mapping[str, str], classes: Sequence[str] | None
) -> tuple[dict[str, str], tuple[tuple[str, str, str], ...]]:
    """Which renames to make: not those that would make one class of two of the same list."""
    if chain := sorted(renames.keys() & set(renames.values())):
        examples = ", ".join(map(repr, chain[:5]))
        raise ConfigError(f"renames lead to names that are renamed themselves: {examples}")
    class_lists = [(source.name, source.classes) for source in sources]
    class_lists += [] if classes is None else [("the wanted classes", frozenset(classes))]
    kept_separate = {
        old: (old, new, name)
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


def _drop_duplicates(
    videos: list[LabelledVideo], exclusions: list[Exclusion]
) -> list[LabelledVideo]:
    first_by_id: dict[str, LabelledVideo] = {}
    kept = []
    for video in videos:
        earlier = first_by_id.setdefault(video.id, video)
        if earlier is video:
            kept.append(video)
        else:
            same_class = earlier.class_name == video.class_name
            reason: ExclusionReason = "duplicate" if same_class else "duplicate of another class"
            exclusions.append(Exclusion(video, reason, earlier.location))
    return kept


def _drop_known(
    videos: list[LabelledVideo],
    known: list[LabelledVideo],
    reason: ExclusionReason,
    exclusions: list[Exclusion],
) -> list[LabelledVideo]:
    locations = {video.id: video.location for video in known}
    exclusions += [
        Exclusion(video, reason, locations[video.id]) for video in videos if video.id in locations
    ]
    return [video for video in videos if video.id not in locations]


def merge_kinetics(
    sources: Sequence[LabelledSource], *, target_tests: Sequence[LabelledSource] | None = None
) -> MergeResult:
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
    renames = tuple(_add_missing_lists(rename, sources) for rename in merged.renames)
    return replace(merged, renames=renames)


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
        rename_classes(source, annotation_names) if classes[source.name] == released else source
        for source in sources
    ]


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
