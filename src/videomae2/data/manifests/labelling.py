"""Labels of the entries of a list: by the names of their classes, or by numbers with names.

The same way for folders, lists and tables.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Sequence

from videomae2.data.manifests.builder import ManifestBuilder, ReadOptions
from videomae2.data.manifests.manifest import ABSENT
from videomae2.data.manifests.public_classes import canonicalize_names
from videomae2.data.manifests.spellings import resolve_spellings
from videomae2.errors import shorten

_MAX_SHOWN = 4
_MAX_DIGITS, _MAX_NAME = 12, 100


def label_by_name(builder: ManifestBuilder, names: list[str], options: ReadOptions) -> None:
    """Set the labels of all entries from one name per entry ("" = none), and note unknown classes.

    Known classes are given in the order of their labels, say of the training set; None: those that
    occur. Two lists agree about labels only if both were read with the same classes. Those of
    Kinetics are known by the names of its annotations, too.
    """
    known = options.class_names or ()
    spelled = resolve_spellings(builder, names, known, options)
    source_classes = sorted({spelled.get(name, name) for name in names if name})
    if all(name.isdecimal() and len(name) <= _MAX_DIGITS for name in source_classes):
        # folders called 0, 1, … 10 keep their number; as text 10 would come before 2
        source_classes.sort(key=int)
    classes = known or tuple(source_classes)
    canonical = canonicalize_names(classes, source_classes)
    canonical_of = dict(zip(source_classes, canonical, strict=True))
    canonical_of |= {old: canonical_of.get(new, new) for old, new in spelled.items()}
    label_of = {name: label for label, name in enumerate(classes)}
    for i, name in enumerate(names):
        builder.labels[i] = label_of.get(canonical_of.get(name, name), ABSENT)
    builder.class_names = classes or None
    builder.renamed_classes = {old: new for old, new in canonical_of.items() if old != new}
    _add_unknown_class_errors(builder, names, classes, source_classes)


def _add_unknown_class_errors(
    builder: ManifestBuilder,
    names: list[str],
    classes: Sequence[str],
    source_classes: Sequence[str],
) -> None:
    """Note a problem for each class that is not known, where it comes first, and both lists."""
    unknown_counts = Counter(name for name, label in zip(names, builder.labels, strict=True)
                     if name and label == ABSENT)  # fmt: skip
    for name, number in unknown_counts.items():
        count = f"{number:,} video{'s' * (number > 1)}"
        builder.add_error(
            builder.lines[names.index(name)], f"class {name!r} ({count}) is not known"
        )
        builder.hint = format_both_lists(classes, source_classes)


def format_both_lists(expected_classes: Sequence[str], source_classes: Sequence[str]) -> str:
    """The classes that are known and those of a list, whole."""
    pairs = (("known", expected_classes), ("found", source_classes))
    return "\n".join(
        f"  {title}  {len(names)}: {', '.join(shorten(name, _MAX_NAME) for name in names)}"
        for title, names in pairs
    )


def check_labels(builder: ManifestBuilder, options: ReadOptions) -> None:
    """Hold numeric labels against the known classes, and keep their names.

    Numbers that begin at 1 shift every name by one: where no video has the first class, that is
    said.
    """
    names, first = options.class_names, options.first_label
    used_labels = set(builder.labels) - {ABSENT}
    has_first = 0 in used_labels or first != 0 or not used_labels
    remedy = "if the numbers begin at 1, say first_label 1"
    if names is None:
        if not has_first:
            builder.warnings.append(f"no video has label 0: {remedy}")
        return
    builder.class_names = names
    for line, label in zip(builder.lines, builder.labels, strict=True):
        if label >= len(names):
            builder.add_error(
                line,
                f"label is {label + first}, but there are {len(names)} classes, from {first}"
                + ("" if has_first else f"; no video has label 0: {remedy}"),
            )
    if not has_first:
        builder.warnings.append(f"no video has label 0, {names[0]!r}: {remedy}")


def check_all_labelled(builder: ManifestBuilder) -> None:
    """Note a problem for every entry without a label, unless other problems explain that."""
    if builder.errors:
        return
    for line, path, label in zip(builder.lines, builder.paths, builder.labels, strict=True):
        if label == ABSENT:
            builder.add_error(line, f"{path} has no label, and labels are needed")


def warn_about_repeats(builder: ManifestBuilder) -> None:
    """Note files that stand in a list more than once, and with other labels."""
    paths = [os.path.normpath(path) for path in builder.paths]
    if len(set(paths)) == len(paths):
        return
    entries_of: dict[tuple[object, ...], list[int]] = defaultdict(list)
    windows = zip(paths, builder.first, builder.frames, *[iter(builder.seconds)] * 2,
                  strict=True)  # fmt: skip
    for i, (path, first, frames, start, stop) in enumerate(windows):
        entries_of[path, first, frames, str(start), str(stop)].append(i)
    repeats = [entries for entries in entries_of.values() if len(entries) > 1]
    conflicts = [e for e in repeats if len({builder.labels[i] for i in e}) > 1]
    if conflicts:
        entry, names = conflicts[0], builder.class_names
        labels = dict.fromkeys(builder.labels[i] for i in entry)
        words = [names[n] if names and n >= 0 else str(n) for n in labels]
        lines = ", ".join(str(builder.lines[i]) for i in entry[:_MAX_SHOWN])
        builder.warnings.append(
            f"{len(conflicts)} videos stand there with several labels, such as "
            f"{builder.paths[entry[0]]} (lines {lines}): {' and '.join(words)}"
        )
    if others := [entries for entries in repeats if entries not in conflicts]:
        builder.warnings.append(
            f"{len(others)} videos stand there more than once, such as "
            f"{builder.paths[others[0][0]]}"
        )
