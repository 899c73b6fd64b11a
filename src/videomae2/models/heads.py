"""Which rows of a parent's head a new classifier takes over."""

from collections.abc import Sequence
from typing import Literal

from videomae2.errors import CheckpointError
from videomae2.models.cards import check_classes
from videomae2.models.kinetics import KINETICS_710, PARTS, rows_of_710

HeadStart = Literal["match", "kept", "fresh", "kinetics"]

Names = Sequence[str] | None


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
    if choice == "kinetics":
        return _kinetics(parent, outputs)
    if choice == "kept":
        return _kept(parent, outputs, parent_classes, classes)
    if parent == 0:
        return None, "fresh, the parent has none"
    if parent_classes is None or classes is None:
        return _by_count(parent, outputs)
    return _by_name(parent_classes, classes)


def _kinetics(parent: int, outputs: int) -> tuple[Sequence[int], str]:
    if parent != KINETICS_710 or outputs not in PARTS:
        raise CheckpointError(
            f"head 'kinetics' takes 400, 600 or 700 of 710 classes; the parent has {parent}, "
            f"the model {outputs}"
        )
    return rows_of_710(outputs), f"the rows of Kinetics-{outputs} among Kinetics-710"


def _kept(
    parent: int, outputs: int, parent_classes: Names, classes: Names
) -> tuple[Sequence[int], str]:
    if parent != outputs:
        raise CheckpointError(f"head 'kept' wants {outputs} classes, the parent has {parent}")
    if parent_classes is not None and classes is not None:
        check_classes(classes, parent_classes, where="the parent")
    return range(parent), "kept"


def _by_count(parent: int, outputs: int) -> tuple[Sequence[int] | None, str]:
    if parent == outputs:
        return range(parent), f"kept: {outputs} classes here and there, without names to compare"
    hint = ""
    if parent == KINETICS_710 and outputs in PARTS:
        hint = f"; if these are Kinetics-710 and -{outputs}, head 'kinetics' selects the rows"
    return None, f"fresh: {parent} classes there, {outputs} here{hint}"


def _by_name(parent: Sequence[str], classes: Sequence[str]) -> tuple[Sequence[int] | None, str]:
    if tuple(parent) == tuple(classes):
        return range(len(parent)), f"kept: the same {len(parent)} classes"
    number = {name: i for i, name in enumerate(parent)}
    shared = [number[name] for name in classes if name in number]
    if len(shared) == len(classes):
        return shared, f"the rows of the same names, {len(shared)} of {len(parent)}"
    return None, f"fresh: {len(shared)} of {len(classes)} classes have a row in the parent"
