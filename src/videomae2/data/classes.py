"""Turn names of classes into labels, the same way for folders and tables."""

from collections.abc import Iterable

from videomae2.data.columns import Columns
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
        columns: Gets labels, class names and a problem for every unknown name.
        names: One per entry of `columns`.
        known: The classes in the order of their labels, say of the training set; None: those that
            occur. Two lists agree about labels only if both were read with the same classes.
    """
    classes = known or sorted_names(name for name in names if name)
    label_of = {name: label for label, name in enumerate(classes)}
    for i, name in enumerate(names):
        columns.labels[i] = label_of.get(name, ABSENT)
        if name and name not in label_of:
            found = sorted_names(name for name in names if name)
            shown = f"class {name!r} is none of {_shown(classes)}; the list has {_shown(found)}"
            columns.wrong(columns.lines[i], shown)
    columns.class_names = classes or None


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


def _shown(names: tuple[str, ...], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f", … ({len(names)} classes)" if len(names) > most else "")
