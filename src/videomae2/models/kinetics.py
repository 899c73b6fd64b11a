"""Which classes of Kinetics-710 are those of Kinetics-400, -600 and -700, in the released order."""

import json
from importlib.resources import files

KINETICS_710 = 710
PARTS = (400, 600, 700)


def rows_of_710(classes: int) -> list[int]:
    """Give, for each class of a smaller Kinetics, its number among the 710.

    Args:
        classes: 400, 600 or 700.

    Raises:
        ValueError: If there is no Kinetics of that many classes.

    Source: misc/label_710to400.json and its siblings in the released code.
    """
    if classes not in PARTS:
        raise ValueError(f"no part of Kinetics-710 has {classes} classes; 400, 600 and 700 do")
    folder = files("videomae2.models").joinpath("labels")
    return json.loads(folder.joinpath(f"label_710to{classes}.json").read_text(encoding="utf-8"))
