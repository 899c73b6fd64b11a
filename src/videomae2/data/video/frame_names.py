"""Which images of a folder are the frames of a video, and in which order: one rule for all.

Images are ordered by the numbers in their names, whatever their padding and gaps; a template has
the number in it. What stands around the numbers is the kind of a name.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

IMAGE_EXTENSIONS = frozenset((
    "jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "ppm", "pgm", "jp2",
))  # fmt: skip

_TEMPLATE = re.compile(
    r"([^{}%]*)(?:\{\}|\{0?:(?:0([1-9][0-9]*))?d?\}|%(?:0([1-9][0-9]*))?d)([^{}%]*)"
)
_NUMBER = re.compile(r"\d+")  # of any script
_DECIMAL = re.compile(r"\d+[.,]\d+")
_LIKE_NUMBER = re.compile(r"[-+]?[0-9a-f]*(?:[.,][0-9]+)?(?:e[-+]?[0-9]+)?", re.IGNORECASE)
_MIN_OTHERS, _MAX_OTHERS_SHARE = 5, 0.25  # images of other kinds: more are no covers
_MIN_MAIN = 3  # frames from which on an image of another kind, such as a cover, is none


@dataclass(frozen=True, slots=True)
class FrameName:
    """A template such as img_{:05}.jpg: what stands before and after the number, and its width."""

    prefix: str
    suffix: str
    width: int = 1

    def __str__(self) -> str:
        number = "{}" if self.width == 1 else f"{{:0{self.width}}}"
        return f"{self.prefix}{number}{self.suffix}"

    def extract_digits(self, name: str) -> str | None:
        """Give the digits of the number in a name, None if it does not follow the template."""
        if not (name.startswith(self.prefix) and name.endswith(self.suffix)):
            return None
        digits = name[len(self.prefix) : len(name) - len(self.suffix)]
        return digits if digits.isdecimal() else None


def parse_frame_name(template: str) -> FrameName:
    """Read a template: img_{:05}.jpg, or as FFmpeg writes it img_%05d.jpg.

    Raises:
        ValueError: It has not exactly one place for the number.
    """
    if not (match := _TEMPLATE.fullmatch(template)):
        raise ValueError(
            f"frame_name is {template!r}, wanted one place for the number, as in img_{{:05}}.jpg"
        )
    return FrameName(match[1], match[4], int(match[2] or match[3] or 1))


def is_image(name: str) -> bool:
    """Whether a file is an image, by its ending; hidden files are none."""
    extension = os.path.splitext(name)[1][1:].lower()
    return extension in IMAGE_EXTENSIONS and not name.startswith(".")


def name_kind(name: str) -> str:
    """A name with # for its numbers, without its ending."""
    return _NUMBER.sub("#", os.path.splitext(name)[0])


def order_frames(names: Iterable[str]) -> list[str]:
    """The frames among the images of a folder, in their order.

    Raises:
        ValueError: Their names are of several kinds, two have the same number, or one of another
            kind may be a frame.
    """
    kinds: dict[str, list[str]] = defaultdict(list)
    for name in names:
        kinds[name_kind(name)].append(name)
    numbered = {kind: members for kind, members in kinds.items() if "#" in kind}
    if not numbered:
        return sorted(name for members in kinds.values() for name in members)
    most = max(map(len, numbered.values()))
    main = {kind: m for kind, m in numbered.items() if len(m) > 1 or most < _MIN_MAIN}
    if len(main) > 1:
        counts = sorted(main.items(), key=lambda item: -len(item[1]))
        shown = ", ".join(f"{len(members)} called {kind}" for kind, members in counts[:4])
        raise ValueError(f"its images have several kinds of names: {shown}; put each "
                         "kind into a folder of its own (lists and training may choose one with "
                         "frame_name)")  # fmt: skip
    ((main_kind, frames),) = main.items()
    _check_no_frames([n for kind, names in kinds.items() if kind != main_kind for n in names],
                     main_kind, len(frames))  # fmt: skip
    return order_by_number(frames)


def _check_no_frames(others: Sequence[str], kind: str, num_frames: int) -> None:
    """Refuse to leave images out that may be frames: numbered otherwise, without one, or many."""
    prefix, _, suffix = kind.partition("#")
    bare = re.sub(r"[\W_]", "", kind)
    for name in others:
        stem = os.path.splitext(name)[0]
        middle = stem[len(prefix) : len(stem) - len(suffix)]
        is_number = stem == f"{prefix}{middle}{suffix}" and _LIKE_NUMBER.fullmatch(middle)
        if is_number or (bare and re.sub(r"[\W_]", "", stem) == bare):
            raise ValueError(
                f"{name} may be a frame, too, and has no place in the order of {num_frames} called "
                f"{kind}: give all of them decimal numbers, or put it elsewhere"
            )
    if len(others) >= max(_MIN_OTHERS, _MAX_OTHERS_SHARE * num_frames):
        raise ValueError(
            f"beside {num_frames} images called {kind} there are {len(others)} of other kinds, "
            f"such as {others[0]}: put those elsewhere, or give all of them decimal numbers"
        )


def order_by_number(names: Iterable[str]) -> list[str]:
    """Names of one kind by their numbers, the first number first.

    Raises:
        ValueError: Two have the same numbers, or 0.5 and 0.25 may be decimals or two numbers each.
    """
    ordered = sorted(
        (list(map(int, _NUMBER.findall(os.path.splitext(name)[0]))), name) for name in names
    )
    for (numbers, name), (next_numbers, next_name) in pairwise(ordered):
        if numbers == next_numbers:
            raise ValueError(f"{name} and {next_name} have the same number")
    _check_no_decimals([name for _, name in ordered])
    return [name for _, name in ordered]


def _check_no_decimals(ordered: Sequence[str]) -> None:
    """Refuse names whose numbers come in another order as decimals than as whole numbers."""
    stems = [os.path.splitext(name)[0] for name in ordered]
    if not any(map(_DECIMAL.search, stems)):
        return
    keys = [
        [Decimal(text.replace(",", ".")) for text in re.findall(rf"{_DECIMAL.pattern}|\d+", stem)]
        for stem in stems
    ]
    for (key, name), (next_key, next_name) in pairwise(zip(keys, ordered, strict=True)):
        if key >= next_key:
            raise ValueError(
                f"{name} and {next_name} come in one order as decimals and in another as two "
                "numbers each: write all with equally many digits behind the point, as in 0.50"
            )


def split_last_number(name: str) -> tuple[str, str, str]:
    """Part a name into before, digits and after its last number; no digits if it has none."""
    stem, suffix = os.path.splitext(name)
    matches = list(_NUMBER.finditer(stem))
    if not matches:
        return stem, "", suffix
    start, stop = matches[-1].span()
    return stem[:start], stem[start:stop], stem[stop:] + suffix
