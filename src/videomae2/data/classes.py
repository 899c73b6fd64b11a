"""Turn names of classes into labels, the same way for folders and tables."""

from collections import Counter
from collections.abc import Iterable, Sequence

from videomae2.data.columns import ManifestBuilder
from videomae2.data.known_classes import canonicalize_names
from videomae2.data.manifest import ABSENT


def sort_class_names(names: Iterable[str]) -> tuple[str, ...]:
    """Order names for labels 0, 1, …: by value where all are whole numbers, else as text.

    Folders called 0, 1, … 10 thus keep their number; as text 10 would come before 2.
    """
    unique = set(names)
    if all(name.isdecimal() for name in unique):
        return tuple(sorted(unique, key=lambda name: (int(name), name)))
    return tuple(sorted(unique))


def label_by_name(builder: ManifestBuilder, names: list[str], class_names: tuple[str, ...] | None) -> None:
    """Set the labels of all entries from one name per entry ("" = none).

    Args:
        builder: Gets labels, class names and a problem for every class that is not known.
        names: One per entry of `columns`.
        class_names: The classes in the order of their labels, say of the training set; None: those that
            occur. Two lists agree about labels only if both were read with the same classes.
            Those of Kinetics are known by the names of its annotations, too.
    """
    source_classes = sort_class_names(name for name in names if name)
    classes = class_names or source_classes
    canonical_of = dict(zip(source_classes, canonicalize_names(classes, source_classes), strict=True))
    label_of = {name: label for label, name in enumerate(classes)}
    for i, name in enumerate(names):
        builder.labels[i] = label_of.get(canonical_of.get(name, name), ABSENT)
    builder.class_names = classes or None
    builder.renamed_classes = {old: new for old, new in canonical_of.items() if old != new}
    _add_unknown_class_errors(builder, names, classes, source_classes)


def _add_unknown_class_errors(
    builder: ManifestBuilder, names: list[str], classes: Sequence[str], source_classes: Sequence[str]
) -> None:
    """Note a problem for each class that is not known, where it comes first, and both lists."""
    unknown_counts = Counter(name for name, label in zip(names, builder.labels, strict=True)
                     if name and label == ABSENT)  # fmt: skip
    for name, number in unknown_counts.items():
        count = f"{number:,} video{'s' * (number > 1)}"
        builder.add_error(builder.lines[names.index(name)], f"class {name!r} ({count}) is not known")
        builder.hint = format_both_lists(classes, source_classes)


def format_both_lists(known_classes: Sequence[str], source_classes: Sequence[str]) -> str:
    """The classes that are known and those of a list, whole."""
    pairs = (("known", known_classes), ("found", source_classes))
    return "\n".join(f"  {title}  {len(names)}: {', '.join(names)}" for title, names in pairs)


def check_labels(builder: ManifestBuilder, class_names: tuple[str, ...] | None) -> None:
    """Hold numeric labels against the known classes, and keep their names."""
    if class_names is None:
        return
    builder.class_names = class_names
    for line, label in zip(builder.lines, builder.labels, strict=True):
        if label >= len(class_names):
            builder.add_error(line, f"label is {label}, but there are {len(class_names)} classes, from 0")


def check_all_labelled(builder: ManifestBuilder) -> None:
    """Note a problem for every entry without a label, unless other problems explain that."""
    if builder.errors:
        return
    for line, path, label in zip(builder.lines, builder.paths, builder.labels, strict=True):
        if label == ABSENT:
            builder.add_error(line, f"{path} has no label, and labels are needed")
