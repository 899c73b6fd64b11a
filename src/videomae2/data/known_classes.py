"""The classes of public data sets, in the order of the labels of released models.

The lists lie in ``class_lists/``, one name a line, the line number is the label.

Source: label maps in misc/ of the released code (Kinetics); the data sets' own lists (others).
"""

from importlib.resources import files
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


def known_classes(name: KnownClasses) -> tuple[str, ...]:
    """The class names of a data set; the place of a name is its label."""
    text = files("videomae2.data").joinpath("class_lists", f"{name}.txt").read_text("utf-8")
    return tuple(text.splitlines())


def rows_in(large: tuple[str, ...], small: tuple[str, ...]) -> list[int]:
    """For every class of ``small`` its place in ``large``: which rows of a head to keep.

    For Kinetics-710 and its parts these are the released lists label_710to400.json and so on.

    Raises:
        ValueError: A class is missing in ``large``; the first are named.
    """
    place = {name: row for row, name in enumerate(large)}
    if absent := [name for name in small if name not in place]:
        some = ", ".join(map(repr, absent[:5]))
        raise ValueError(
            f"{len(absent)} of {len(small)} classes are not among {len(large)}: {some}"
        )
    return [place[name] for name in small]
