"""The range of a number, as part of the type of its setting: ``lr: Annotated[float, POSITIVE]``."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from videomae2.base.schema import flag_name, flatten, list_settings, wildcard_path

_LARGEST = 2.0**63  # a whole number above it fits no tensor


@dataclass(frozen=True, slots=True)
class Range:
    """A range; an end that is not given is open, and so is one that is excluded."""

    description: str
    minimum: float = -math.inf
    maximum: float = math.inf
    above: float = -math.inf
    below: float = math.inf

    def contains(self, value: float | int) -> bool:
        """Whether a value lies inside; NaN and infinity never do."""
        inside = self.minimum <= value <= self.maximum and self.above < value < self.below
        return inside and abs(value) < _LARGEST and math.isfinite(value)


ANY_NUMBER = Range("numbers")
POSITIVE = Range("a number above 0", above=0.0)
NOT_NEGATIVE = Range("0 or more", minimum=0.0)
ONE_OR_MORE = Range("1 or more", minimum=1.0)
BITS = Range("8 to 16", minimum=8.0, maximum=16.0)
DEPTH = Range("1 to 1000", minimum=1.0, maximum=1000.0)
SHARE = Range("a share from 0 to 1", minimum=0.0, maximum=1.0)
SHARE_ABOVE_0 = Range("shares above 0 and up to 1", above=0.0, maximum=1.0)
INNER_SHARE = Range("a share between 0 and 1", above=0.0, below=1.0)
BELOW_ONE = Range("a number from 0 to below 1", minimum=0.0, below=1.0)


def list_ranges(config: Any) -> Iterator[tuple[str, Any, Range]]:
    """Every setting of a configuration that has a range: its dotted path, its value, its range."""
    ranges = {
        path: annotation
        for path, annotations in list_settings(type(config))
        for annotation in annotations
        if isinstance(annotation, Range)
    }
    for path, value in flatten(config):
        if allowed := ranges.get(wildcard_path(path)):
            yield path, value, allowed


def find_range_errors(config: Any) -> Iterator[tuple[str, str]]:
    """Path and problem of every number that lies outside its range; None is left out."""
    for path, numbers, allowed in find_out_of_range(config):
        given = " ".join(map(str, numbers))
        wanted = allowed.description
        if any(number is not None and abs(number) >= _LARGEST for number in numbers):
            wanted += ", below 2^63"
        yield path, f"{flag_name(path)} {given} cannot work; it wants {wanted}"


def find_out_of_range(config: Any) -> Iterator[tuple[str, tuple[Any, ...], Range]]:
    """Path, numbers and range of every setting that lies outside its range."""
    for path, value, allowed in list_ranges(config):
        numbers = value if isinstance(value, tuple) else (value,)
        if not all(part is None or allowed.contains(part) for part in numbers):
            yield path, numbers, allowed
