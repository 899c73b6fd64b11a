"""The classes of public data sets, in the order of the labels of released models.

The lists lie in ``class_lists/``, one name a line, the line number is the label.

Source: label maps in misc/ of the released code (Kinetics); the data sets' own lists (others).
"""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

KnownClasses = Literal[
    "kinetics-400",
    "kinetics-600",
    "kinetics-700",
    "kinetics-710",
    "something-something-v1",
    "something-something-v2",
    "ucf101",
    "hmdb51",
    "diving48",
    "moments-in-time",
]
KNOWN: tuple[KnownClasses, ...] = get_args(KnownClasses)

RENAMES = {
    "changing wheel": "changing wheel (not on bike)",
    "garbage collecting": "person collecting garbage",
    "balloon blowing": "inflating balloons",
    "tying tie": "tying necktie",
    "making bed": "making the bed",
    "opening bottle": "opening bottle (not wine)",
    "hugging": "hugging (not baby)",
    "dying hair": "dyeing hair",
    "throwing ball": "throwing ball (not baseball or American football)",
    "cooking sausages": "cooking sausages (not on barbeque)",
    "passing american football (not in game)": "passing American football (not in game)",
    "picking fruit": "picking apples",
    "skiing (not slalom or crosscountry)": "skiing mono",
    "drinking": "sipping cup",
    "sniffing": "smelling feet",
}
"""Old name to new name of classes that the versions of Kinetics call differently.

Source: misc/k710_identical_label_merge.json of the released code. "throwing ball" stays apart in
K710, whose released list has both names (labels 348 and 629), as have those of K600 and K700.
"""

BY_PLACE = {"hugging": "hugging baby", "opening bottle": "opening wine bottle"}
"""What the released list of Kinetics-400 calls two of its classes. They are other classes in K600,
but stand in the alphabetical place of the annotations' names, so these labels are theirs."""


def as_known(name: Path | str) -> KnownClasses | None:
    """The data set that a setting names; None if it names none, but a file."""
    return next((known for known in KNOWN if str(name) == known), None)


def known_classes(name: KnownClasses) -> tuple[str, ...]:
    """The class names of a data set; the place of a name is its label."""
    text = files("videomae2.data").joinpath("class_lists", f"{name}.txt").read_text("utf-8")
    return tuple(text.splitlines())


def sets_of(count: int) -> tuple[KnownClasses, ...]:
    """The data sets that have so many classes, for a model that does not say what it tells."""
    return tuple(known for known in KNOWN if len(known_classes(known)) == count)


def other_names(classes: Sequence[str]) -> dict[str, str]:
    """What the annotations of Kinetics call classes of a released list: their name to its.

    Args:
        classes: Any; those of a released list of Kinetics have other names.
    """
    kinetics = as_known(f"kinetics-{len(classes)}")
    if kinetics is None or tuple(classes) != known_classes(kinetics):
        return {}
    known = set(classes)
    pairs = [*BY_PLACE.items(), *RENAMES.items()]
    return {old: new for old, new in pairs if old not in known and new in known}


def called_as_in(classes: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Names, those of Kinetics' annotations as a released list has them.

    Two names that stand side by side are two classes, and stay so.

    Args:
        classes: The list.
        names: Each once.
    """
    other, there = other_names(classes), set(names)
    return tuple(name if other.get(name) in there else other.get(name, name) for name in names)
