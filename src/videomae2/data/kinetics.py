"""Kinetics-710: the union of Kinetics-400, -600 and -700 that the paper post-pre-trains on."""

from collections.abc import Sequence

from videomae2.data.known_classes import known_classes
from videomae2.data.label_union import LabelledUnion, unite
from videomae2.data.labelled import LabelledSource

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
"""Old name to new name of classes that the three versions call differently.

Source: misc/k710_identical_label_merge.json of the released code. "throwing ball" stays apart in
K710, whose released list has both names (labels 348 and 629), as have those of K600 and K700.
"""


def unite_kinetics(
    sources: Sequence[LabelledSource], *, target_tests: Sequence[LabelledSource] | None = None
) -> LabelledUnion:
    """Build K710, with the labels of released models, from the annotations of its parts.

    Args:
        sources: Training and validation splits, with YouTube ids.
        target_tests: What models will be tested on later; None: every validation source given,
            () only drops validation videos found in training, as the released text says.

    Raises:
        ConfigError: A class is none of the 710, after renaming.
    """
    return unite(
        sources,
        renames=RENAMES,
        classes=known_classes("kinetics-710"),
        target_tests=target_tests,
    )
