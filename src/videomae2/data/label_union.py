"""One labelled set out of several: classes unified, every video once, no test video in training.

Source of the steps: docs/DATASET.md of the released code and the appendix of the paper (merge,
duplicates by YouTube id, validation videos found in training, rename table). On top of that,
target-test videos leave the training set, which the released text does not say.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from videomae2.data.labelled import LabelledSource, LabelledVideo
from videomae2.data.union_report import (
    KeptApart,
    Reason,
    Removal,
    Renamed,
    Split,
    UnionReport,
)
from videomae2.errors import ConfigError


@dataclass(frozen=True, slots=True)
class LabelledUnion:
    """What `unite` made."""

    classes: tuple[str, ...]
    """The place of a name is its label."""
    training: tuple[LabelledVideo, ...]
    validation: tuple[LabelledVideo, ...]
    report: UnionReport


@dataclass(frozen=True, slots=True)
class _Member:
    """A video, and which source it came from."""

    video: LabelledVideo
    source: LabelledSource

    def removed(self, reason: Reason, other: str) -> Removal:
        video, source = self.video, self.source
        return Removal(video.id, source.name, source.split, video.where, reason, other)


def unite(
    sources: Sequence[LabelledSource],
    *,
    renames: Mapping[str, str] | None = None,
    classes: Sequence[str] | None = None,
    target_tests: Sequence[LabelledSource] | None = None,
) -> LabelledUnion:
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
    made, apart = _renames(sources, renames or {}, classes)
    removals = [one for source in sources for one in source.removed]
    splits: dict[Split, list[_Member]] = {}
    for split in ("training", "validation"):
        members = [_Member(v, s) for s in sources if s.split == split for v in s.videos]
        named = [replace(m, video=_renamed(m.video, made)) for m in members]
        splits[split] = _without_duplicates(named, removals)
    if target_tests is None:
        target_tests = [source for source in sources if source.split == "validation"]
    # a test video stays one where its own file is not found: another source may have it
    tests = {gone.video: gone.where for source in target_tests for gone in source.removed}
    tests |= {video.id: video.where for source in target_tests for video in source.videos}
    training = _without(splits["training"], tests, "test video in training", removals)
    seen = {member.video.id: member.video.where for member in training}
    validation = _without(splits["validation"], seen, "validation video in training", removals)
    return _finished(sources, training, validation, classes, made, apart, removals)


def _finished(
    sources: Sequence[LabelledSource],
    training: list[_Member],
    validation: list[_Member],
    classes: Sequence[str] | None,
    renames: Mapping[str, str],
    apart: tuple[KeptApart, ...],
    removals: list[Removal],
) -> LabelledUnion:
    occurring = {renames.get(name, name) for source in sources for name in source.classes}
    names = tuple(sorted(occurring) if classes is None else classes)
    if unknown := sorted(occurring - set(names)):
        some = ", ".join(_strange(name, names, sources) for name in unknown[:10])
        raise ConfigError(f"{len(unknown)} classes are none of the {len(names)} wanted: {some}")
    used = {member.video.name for member in training}
    report = UnionReport(
        read={(s.name, s.split): len(s.videos) + len(s.removed) for s in sources},
        kept={"training": len(training), "validation": len(validation)},
        classes=len(names),
        renamed=_counted(sources, renames),
        kept_apart=apart,
        empty_classes=tuple(name for name in names if name not in used),
        removals=tuple(removals),
    )
    kept = [tuple(member.video for member in members) for members in (training, validation)]
    return LabelledUnion(names, kept[0], kept[1], report)


def _strange(name: str, names: Sequence[str], sources: Sequence[LabelledSource]) -> str:
    """Name a class that is not wanted, where it may come from, and what it may mean."""
    having = dict.fromkeys(source.name for source in sources if name in source.classes)
    notes = [f"of {' and '.join(having)}"] if having else []
    notes += [f"near {near!r}" for near in get_close_matches(name, names, n=1, cutoff=0.8)]
    return f"{name!r}" + (f" ({', '.join(notes)})" if notes else "")


def _renames(
    sources: Sequence[LabelledSource], renames: Mapping[str, str], classes: Sequence[str] | None
) -> tuple[dict[str, str], tuple[KeptApart, ...]]:
    """Which renames to make: not those that would make one class of two of the same list."""
    if chain := sorted(renames.keys() & set(renames.values())):
        some = ", ".join(map(repr, chain[:5]))
        raise ConfigError(f"renames lead to names that are renamed themselves: {some}")
    lists = [(source.name, source.classes) for source in sources]
    lists += [] if classes is None else [("the wanted classes", frozenset(classes))]
    apart = {
        old: KeptApart(old, new, name)
        for old, new in renames.items()
        for name, among in reversed(lists)
        if old in among and new in among
    }
    made = {old: new for old, new in renames.items() if old not in apart}
    return made, tuple(apart.values())


def _counted(sources: Sequence[LabelledSource], renames: Mapping[str, str]) -> tuple[Renamed, ...]:
    """The renames that had an effect."""
    videos = Counter(video.name for source in sources for video in source.videos)
    occurring = {name for source in sources for name in source.classes}
    return tuple(Renamed(old, new, videos[old]) for old, new in renames.items() if old in occurring)


def _renamed(video: LabelledVideo, renames: Mapping[str, str]) -> LabelledVideo:
    new = renames.get(video.name)
    return video if new is None else replace(video, name=new)


def _without_duplicates(members: list[_Member], removals: list[Removal]) -> list[_Member]:
    first: dict[str, LabelledVideo] = {}
    kept = []
    for member in members:
        before = first.setdefault(member.video.id, member.video)
        if before is member.video:
            kept.append(member)
        else:
            same = before.name == member.video.name
            reason: Reason = "duplicate" if same else "duplicate of another class"
            removals.append(member.removed(reason, before.where))
    return kept


def _without(
    members: list[_Member], ids: Mapping[str, str], reason: Reason, removals: list[Removal]
) -> list[_Member]:
    for member in members:
        if member.video.id in ids:
            removals.append(member.removed(reason, ids[member.video.id]))
    return [member for member in members if member.video.id not in ids]
