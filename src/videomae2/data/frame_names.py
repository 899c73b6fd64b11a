"""How the frame images of a video are called: a template with the number in it."""

import os
import re
from dataclasses import dataclass

_TEMPLATE = re.compile(
    r"([^{}%]*)(?:\{\}|\{0?:(?:0([1-9][0-9]*))?d?\}|%(?:0([1-9][0-9]*))?d)([^{}%]*)"
)
_LAST_NUMBER = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)


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


def split_name(name: str) -> tuple[str, str, str] | None:
    """Part a name into before, digits and after its last number; None if it has none."""
    stem, suffix = os.path.splitext(name)
    match = _LAST_NUMBER.fullmatch(stem)
    return (match[1], match[2], match[3] + suffix) if match else None


@dataclass(slots=True)
class ImageSequence:
    """The images of one folder that have the same words around their number."""

    count: int = 0
    lowest: int = 2**63
    highest: int = -1
    min_digits: int = 2**31
    """Digits of the shortest number."""
    padded_width: int = 0
    """Digits of the numbers that start with a zero; 0: none does."""

    def add(self, digits: str) -> None:
        """Count one image."""
        number = int(digits)
        self.count += 1
        self.lowest, self.highest = min(self.lowest, number), max(self.highest, number)
        self.min_digits = min(self.min_digits, len(digits))
        if digits[0] == "0" and len(digits) > 1:
            self.padded_width = max(self.padded_width, len(digits))

    @property
    def num_missing(self) -> int:
        """Numbers between the lowest and the highest without an image."""
        return self.highest - self.lowest + 1 - self.count
