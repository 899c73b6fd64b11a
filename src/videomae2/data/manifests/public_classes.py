"""The classes of public data sets, in the order of the labels of released models.

The lists lie in ``class_lists/``, one name a line, the line number is the label.

Source: label maps in misc/ of the released code (Kinetics); the data sets' own lists (others).
"""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

from videomae2.base.files import path_exists, path_hint
from videomae2.base.text import suggest_nearest

PublicDataset = Literal[
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

PUBLIC_DATASETS: tuple[PublicDataset, ...] = get_args(PublicDataset)

KINETICS_RENAMES = {
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

POSITIONAL_RENAMES = {"hugging": "hugging baby", "opening bottle": "opening wine bottle"}
"""What the released list of Kinetics-400 calls two of its classes. They are other classes in K600,
but stand in the alphabetical place of the annotations' names, so these labels are theirs."""


def lookup_public_dataset(name: Path | str) -> PublicDataset | None:
    """The data set that a setting names; None if it names none, but a file."""
    return next((dataset for dataset in PUBLIC_DATASETS if str(name) == dataset), None)


def load_public_classes(name: PublicDataset) -> tuple[str, ...]:
    """The class names of a data set; the place of a name is its label."""
    text = (
        files("videomae2.data.manifests").joinpath("class_lists", f"{name}.txt").read_text("utf-8")
    )
    return tuple(text.splitlines())


def find_datasets_with(num_classes: int) -> tuple[PublicDataset, ...]:
    """The data sets that have so many classes, for a model that does not say what it tells."""
    return tuple(
        dataset for dataset in PUBLIC_DATASETS if len(load_public_classes(dataset)) == num_classes
    )


def build_annotation_aliases(classes: Sequence[str]) -> dict[str, str]:
    """What annotations of Kinetics call classes of a released list: their name to its."""
    kinetics = lookup_public_dataset(f"kinetics-{len(classes)}")
    if kinetics is None or tuple(classes) != load_public_classes(kinetics):
        return {}
    known = set(classes)
    pairs = [*POSITIONAL_RENAMES.items(), *KINETICS_RENAMES.items()]
    return {old: new for old, new in pairs if old not in known and new in known}


def canonicalize_names(classes: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Names, those of Kinetics' annotations as a released list of ``classes`` has them.

    Two names that stand side by side are two classes, and stay so.
    """
    aliases, present = build_annotation_aliases(classes), set(names)
    return tuple(
        name if aliases.get(name) in present else aliases.get(name, name) for name in names
    )


def check_class_names(class_names: Path, flag: str) -> Iterator[str]:
    """What is wrong with the place of class names: a file, or a public data set by its name."""
    if lookup_public_dataset(class_names) is not None or path_exists(class_names):
        return
    hint = suggest_nearest(str(class_names), PUBLIC_DATASETS, cutoff=0.6)
    hint = hint.replace("there are", "public data sets are")
    yield f"{flag} {class_names} is no file{path_hint(class_names)}; {hint}"
