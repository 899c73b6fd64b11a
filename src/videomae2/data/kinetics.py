"""Kinetics-710: the union of Kinetics-400, -600 and -700 that the paper post-pre-trains on."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from videomae2.data.known_classes import BY_PLACE, RENAMES, as_known, known_classes
from videomae2.data.label_union import LabelledUnion, unite
from videomae2.data.labelled import LabelledSource
from videomae2.data.union_report import Renamed


def unite_kinetics(
    sources: Sequence[LabelledSource], *, target_tests: Sequence[LabelledSource] | None = None
) -> LabelledUnion:
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
    sources = _as_annotated(sources)
    union = unite(
        sources,
        renames=RENAMES,
        classes=known_classes("kinetics-710"),
        target_tests=target_tests,
    )
    renamed = tuple(_unlisted(one, sources) for one in union.report.renamed)
    return replace(union, report=replace(union.report, renamed=renamed))


def _as_annotated(sources: Sequence[LabelledSource]) -> list[LabelledSource]:
    """Call two classes of Kinetics-400 as its annotations do, where its released list names them.

    There `hugging baby` means `hugging`; in the other parts it is another class.
    """
    classes: dict[str, frozenset[str]] = defaultdict(frozenset)
    for source in sources:
        classes[source.name] |= source.classes
    released = frozenset(known_classes("kinetics-400"))
    own = {listed: annotated for annotated, listed in BY_PLACE.items()}
    return [
        _called(source, own) if classes[source.name] == released else source for source in sources
    ]


def _called(source: LabelledSource, names: Mapping[str, str]) -> LabelledSource:
    videos = tuple(replace(one, name=names.get(one.name, one.name)) for one in source.videos)
    classes = frozenset(names.get(name, name) for name in source.classes)
    return replace(source, videos=videos, classes=classes)


def _unlisted(renamed: Renamed, sources: Sequence[LabelledSource]) -> Renamed:
    """Name the parts whose released list has no class of the new name."""
    parts = dict.fromkeys(source.name for source in sources if renamed.old in source.classes)
    lists = {name: _released_list(name) for name in parts}
    lacking = (name for name, known in lists.items() if known and renamed.new not in known)
    return replace(renamed, unlisted=tuple(lacking))


def _released_list(source: str) -> tuple[str, ...]:
    """The classes of the part that a source's name says it is; none where it says none."""
    found = re.search(r"(?<!\d)(400|600|700)(?!\d)", source)
    known = as_known(f"kinetics-{found[1]}") if found else None
    return () if known is None else known_classes(known)
