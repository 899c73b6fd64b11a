"""Which images of a folder are the frames of a video, and in which order: one rule for all.

Images are ordered by the numbers in their names, whatever their padding and gaps; a template has
the number in it. What stands around the numbers is the kind of a name.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

IMAGE_EXTENSIONS = frozenset((
    "jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "ppm", "pgm", "jp2",
))  # fmt: skip

_TEMPLATE = re.compile(
    r"([^{}%]*)(?:\{\}|\{0?:(?:0([1-9][0-9]*))?d?\}|%(?:0([1-9][0-9]*))?d)([^{}%]*)"
)
_NUMBER = re.compile(r"[0-9]+")
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
        return digits if digits.isascii() and digits.isdecimal() else None


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
        ValueError: Their names are of several kinds, or two have the same number.
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
    return order_by_number(next(iter(main.values())))


def order_by_number(names: Iterable[str]) -> list[str]:
    """Names of one kind by their numbers, the first number first.

    Raises:
        ValueError: Two have the same numbers.
    """
    ordered = sorted(
        (list(map(int, _NUMBER.findall(os.path.splitext(name)[0]))), name) for name in names
    )
    for (numbers, name), (next_numbers, next_name) in pairwise(ordered):
        if numbers == next_numbers:
            raise ValueError(f"{name} and {next_name} have the same number")
    return [name for _, name in ordered]


def split_last_number(name: str) -> tuple[str, str, str]:
    """Part a name into before, digits and after its last number; no digits if it has none."""
    stem, suffix = os.path.splitext(name)
    matches = list(_NUMBER.finditer(stem))
    if not matches:
        return stem, "", suffix
    start, stop = matches[-1].span()
    return stem[:start], stem[start:stop], stem[stop:] + suffix
