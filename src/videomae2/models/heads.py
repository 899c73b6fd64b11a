"""Which rows of a parent's head a new classifier takes over."""

from collections.abc import Sequence
from typing import Literal

from videomae2.errors import CheckpointError
from videomae2.models.cards import check_classes

HeadStart = Literal["match", "kept", "selected", "fresh"]

Names = Sequence[str] | None

_SHOWN = 12  # names of an error


def head_rows(
    choice: HeadStart, *, parent: int, outputs: int, parent_classes: Names, classes: Names
) -> tuple[Sequence[int] | None, str]:
    """Choose the rows of the parent's head, in the order of the new outputs.

    Args:
        choice: As in ``StartConfig``.
        parent: Outputs of the parent; 0 if it has no head.
        outputs: Outputs wanted.
        parent_classes: The names of the parent's outputs, where they are known.
        classes: The names of the wanted ones, where they have any.

    Returns:
        The rows (None for a fresh head), and what was decided in words.

    Raises:
        CheckpointError: If the choice cannot be had from this parent.
    """
    if choice == "fresh":
        return None, "fresh, as asked"
    if choice == "kept":
        return _kept(parent, outputs, parent_classes, classes)
    if choice == "selected":
        return _selected(parent, parent_classes, classes)
    if parent == 0:
        return None, "fresh, the parent has none"
    if parent_classes is None or classes is None:
        return _by_count(parent, outputs)
    return _by_name(parent_classes, classes)


def rows_by_name(parent: Sequence[str], classes: Sequence[str], *, who: str) -> Sequence[int]:
    """The rows of a head that stand for some classes, in their order.

    Args:
        parent: The names of the head's outputs.
        classes: Those that are wanted.
        who: Begins the message.

    Raises:
        CheckpointError: If there is none for some of them, which are named.
    """
    number = {name: i for i, name in enumerate(parent)}
    gone = sorted(set(classes) - set(parent))
    if gone:
        raise CheckpointError(
            f"{who} lacks {len(gone)} of {len(classes)}: {', '.join(gone[:_SHOWN])}"
            f"{', …' if len(gone) > _SHOWN else ''}"
        )
    return [number[name] for name in classes]


def check_names(names: Sequence[str], outputs: int, own: Names, *, where: str) -> None:
    """Hold names that are given for the outputs of a model against what it says itself.

    Raises:
        CheckpointError: If it has others, or another number of outputs.
    """
    if own is not None:
        check_classes(names, own, where=where)
    if len(names) != outputs:
        raise CheckpointError(
            f"{where} has {outputs} outputs, but {len(names)} names were given for them"
        )


def _kept(
    parent: int, outputs: int, parent_classes: Names, classes: Names
) -> tuple[Sequence[int], str]:
    if parent != outputs:
        raise CheckpointError(f"head 'kept' wants {outputs} classes, the parent has {parent}")
    if parent_classes is not None and classes is not None:
        check_classes(classes, parent_classes, where="the parent")
    return range(parent), "kept"


def _selected(
    parent: int, parent_classes: Names, classes: Names
) -> tuple[Sequence[int] | None, str]:
    """Rows by name or an error.

    Source: with the names of Kinetics these are the lists label_710to400.json and so on in misc/
        of the released code.
    """
    if parent == 0:
        raise CheckpointError("head 'selected' wants a parent with a head, this one has none")
    if parent_classes is None or classes is None:
        who = "the parent's classes" if parent_classes is None else "the classes of the data"
        raise CheckpointError(f"head 'selected' goes by names, and {who} have none; give them")
    who = f"head 'selected' wants every class among the parent's {parent}, which"
    rows = rows_by_name(parent_classes, classes, who=who)
    return rows, _by_name(parent_classes, classes)[1]


def _by_count(parent: int, outputs: int) -> tuple[Sequence[int] | None, str]:
    if parent == outputs:
        return range(parent), f"kept: {outputs} classes here and there, without names to compare"
    return None, f"fresh: {parent} classes there, {outputs} here, without names to select by"


def _by_name(parent: Sequence[str], classes: Sequence[str]) -> tuple[Sequence[int] | None, str]:
    if tuple(parent) == tuple(classes):
        return range(len(parent)), f"kept: the same {len(parent)} classes"
    number = {name: i for i, name in enumerate(parent)}
    shared = [number[name] for name in classes if name in number]
    if len(shared) == len(classes):
        return shared, f"the rows of the same names, {len(shared)} of {len(parent)}"
    return None, f"fresh: {len(shared)} of {len(classes)} classes have a row in the parent"
