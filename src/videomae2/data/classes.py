"""Turn names of classes into labels, the same way for folders and tables."""

from collections import Counter
from collections.abc import Iterable, Sequence

from videomae2.data.columns import Columns
from videomae2.data.known_classes import called_as_in
from videomae2.data.manifest import ABSENT


def sorted_names(names: Iterable[str]) -> tuple[str, ...]:
    """Order names for labels 0, 1, …: by value where all are whole numbers, else as text.

    Folders called 0, 1, … 10 thus keep their number; as text 10 would come before 2.
    """
    unique = set(names)
    if all(name.isdecimal() for name in unique):
        return tuple(sorted(unique, key=lambda name: (int(name), name)))
    return tuple(sorted(unique))


def label_by_name(columns: Columns, names: list[str], known: tuple[str, ...] | None) -> None:
    """Set the labels of all entries from one name per entry ("" = none).

    Args:
        columns: Gets labels, class names and a problem for every class that is not known.
        names: One per entry of `columns`.
        known: The classes in the order of their labels, say of the training set; None: those that
            occur. Two lists agree about labels only if both were read with the same classes.
            Those of Kinetics are known by the names of its annotations, too.
    """
    found = sorted_names(name for name in names if name)
    classes = known or found
    called = dict(zip(found, called_as_in(classes, found), strict=True))
    label_of = {name: label for label, name in enumerate(classes)}
    for i, name in enumerate(names):
        columns.labels[i] = label_of.get(called.get(name, name), ABSENT)
    columns.class_names = classes or None
    columns.renamed = {old: new for old, new in called.items() if old != new}
    _name_strangers(columns, names, classes, found)


def _name_strangers(
    columns: Columns, names: list[str], classes: Sequence[str], found: Sequence[str]
) -> None:
    """Note a problem for each class that is not known, where it comes first, and both lists."""
    videos = Counter(name for name, label in zip(names, columns.labels, strict=True)
                     if name and label == ABSENT)  # fmt: skip
    for name, number in videos.items():
        count = f"{number:,} video{'s' * (number > 1)}"
        columns.wrong(columns.lines[names.index(name)], f"class {name!r} ({count}) is not known")
        columns.hint = both_lists(classes, found)


def both_lists(known: Sequence[str], found: Sequence[str]) -> str:
    """The classes that are known and those of a list, whole."""
    pairs = (("known", known), ("found", found))
    return "\n".join(f"  {what}  {len(names)}: {', '.join(names)}" for what, names in pairs)


def check_labels(columns: Columns, known: tuple[str, ...] | None) -> None:
    """Hold numeric labels against the known classes, and keep their names."""
    if known is None:
        return
    columns.class_names = known
    for line, label in zip(columns.lines, columns.labels, strict=True):
        if label >= len(known):
            columns.wrong(line, f"label is {label}, but there are {len(known)} classes, from 0")


def require_labels(columns: Columns) -> None:
    """Note a problem for every entry without a label, unless other problems explain that."""
    if columns.problems:
        return
    for line, path, label in zip(columns.lines, columns.paths, columns.labels, strict=True):
        if label == ABSENT:
            columns.wrong(line, f"{path} has no label, and labels are needed")
