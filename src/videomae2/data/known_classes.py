"""The classes of public data sets, in the order of the labels of released models.

The lists lie in ``class_lists/``, one name a line, the line number is the label.

Source: label maps in misc/ of the released code (Kinetics); the data sets' own lists (others).
"""

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
