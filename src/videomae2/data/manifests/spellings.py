"""Names that differ in what people do not see or mind: one name or several is asked."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from videomae2.data.manifests.builder import ManifestBuilder, ReadOptions
from videomae2.data.tables.times import parse_whole_number

_MAX_SHOWN = 4
_DASHES = r"\-\u2010\u2011\u2012\u2013\u2014\u2212"
_WORD_GAP = re.compile(rf"(?<=[^\W_])[\s_{_DASHES}]+(?=[^\W_])")
"""Between two letters or digits."""
_LEADING_ZEROS = re.compile(r"(?<![\d.,])0+(?=\d)")


def fold_name(name: str) -> str:
    """A name without what people do not mind: encoding of letters, case, what is between words.

    And the zeros of numbers: 01 and, where the name is a number, 1.0.
    """
    folded = _join_words(_to_visible(name)).casefold()
    return _LEADING_ZEROS.sub("", parse_whole_number(folded))


def _join_words(name: str) -> str:
    """A name with one blank where blanks, _ or dashes stand between words: -1 stays what it is."""
    return _WORD_GAP.sub(" ", " ".join(name.split()))


def _to_visible(name: str) -> str:
    """A name in one encoding of its letters, without characters that are not shown."""
    composed = unicodedata.normalize("NFKC", name)
    return "".join(c for c in composed if unicodedata.category(c) != "Cf")


def resolve_spellings(
    builder: ManifestBuilder,
    names: Sequence[str],
    known: Sequence[str],
    options: ReadOptions,
    *,
    noun: str = "class",
    plural: str = "classes",
) -> dict[str, str]:
    """Which names mean which other spelling; where that is not said, it is a problem.

    Args:
        builder: Takes the problems.
        names: One per video, "" for none.
        known: Those whose spelling is given.
        options: Say whether other spellings are the same.
        noun: What the names are of.
        plural: The same of several.
    """
    counts = Counter(name for name in names if name)
    if options.spelling == "distinct":
        return {}
    spellings: dict[str, list[str]] = defaultdict(list)
    for name in dict.fromkeys((*known, *sorted(counts, key=lambda name: (-counts[name], name)))):
        spellings[fold_name(name)].append(name)
    groups = [group for group in spellings.values() if len(group) > 1]
    groups = [group for group in groups if set(group) - set(known)]
    for group in groups[:_MAX_SHOWN] if options.spelling == "ask" else ():
        parts = [f"{ascii_if_alike(name, group)} ({counts[name]} videos)" for name in group]
        builder.add_error(
            0,
            f"{plural} {' and '.join(parts)} differ only in {name_difference(group)}: one {noun} "
            "or several? spelling same or distinct says it",
        )
    return {name: group[0] for group in groups for name in group if name not in known}


def ascii_if_alike(name: str, group: Iterable[str]) -> str:
    """A name in quotes, with its letters taken apart where it looks like another."""
    looks = [unicodedata.normalize("NFC", other) for other in group]
    return ascii(name) if looks.count(unicodedata.normalize("NFC", name)) > 1 else repr(name)


def name_difference(group: Sequence[str]) -> str:
    """In what the spellings of a name differ."""
    composed = {unicodedata.normalize("NFKC", name) for name in group}
    visible = {_to_visible(name) for name in group}
    trimmed = {" ".join(name.split()) for name in visible}
    parts = ["how their letters are encoded"] if composed != set(group) else []
    parts += ["characters that are not shown"] if visible != composed else []
    parts += ["blanks"] if trimmed != visible else []
    joined = {_join_words(name) for name in trimmed}
    lower, lower_joined = ({name.casefold() for name in names} for names in (trimmed, joined))
    parts += ["blanks, _ or - between words"] if len(lower_joined) < len(lower) else []
    parts += ["case"] if len(lower_joined) < len(joined) else []
    parts += ["zeros of numbers"] if len({*map(fold_name, group)}) < len(lower_joined) else []
    return " and ".join(parts)


def resolve_groups(builder: ManifestBuilder, options: ReadOptions) -> None:
    """Hold the groups of entries against each other: other spellings of one are asked about."""
    if builder.groups is None:
        return
    spelled = resolve_spellings(builder, builder.groups, (), options, noun="group", plural="groups")
    builder.check()
    builder.groups = [spelled.get(name, name) for name in builder.groups]
