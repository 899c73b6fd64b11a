"""The kinds of a setting's value: reading one strictly, and naming it for people."""

import math
from dataclasses import is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin


def scalar(hint: Any, found: Any) -> Any:
    """Read one value that holds no dataclass; ValueError if it is of another kind."""
    origin, arms = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return None if found is None else scalar(_without_none(hint), found)
    if origin is Literal:
        return _checked(found, found in arms and isinstance(found, str))
    if origin is tuple:
        return _tuple(arms, found)
    if hint is Path:
        return Path(_checked(found, isinstance(found, str) and found != ""))
    if hint is float:
        return _number(found)
    return _checked(found, type(found) is hint)


def in_words(hint: Any) -> str:
    """Say what kind of value is wanted."""
    origin, arms = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return f"{in_words(_without_none(hint))} or null"
    if origin is Literal:
        return f"one of {', '.join(arms)}"
    if origin is tuple and arms[-1] is Ellipsis:
        return "a list of sections" if is_dataclass(arms[0]) else f"a list of {_KINDS[arms[0]]}s"
    if origin is tuple:
        return f"a list of {len(arms)} {_KINDS[arms[0]]}s"
    if is_dataclass(hint):
        return "a section with settings of its own"
    return f"{'' if hint in (bool, str) else 'a '}{_KINDS[hint]}"


_KINDS: dict[Any, str] = {
    int: "whole number", float: "number", str: "text in quotes", bool: "true or false",
    Path: "path",
}  # fmt: skip


def _tuple(arms: tuple[Any, ...], found: Any) -> tuple[Any, ...]:
    _checked(found, isinstance(found, list))
    if arms[-1] is Ellipsis:
        arms = (arms[0],) * len(found)
    _checked(found, len(found) == len(arms))
    return tuple(scalar(arm, part) for arm, part in zip(arms, found, strict=True))


def _number(found: Any) -> float:
    """Read a number; YAML takes 1e-5 for text, since it wants a dot in it."""
    _checked(found, isinstance(found, int | float | str) and not isinstance(found, bool))
    number = float(found)
    return float(_checked(number, math.isfinite(number)))


def _checked(found: Any, good: bool) -> Any:
    if not good:
        raise ValueError(found)
    return found


def shown(found: Any) -> str:
    """Write a value as YAML would."""
    if isinstance(found, dict):
        return "a section"
    words = {None: "null", True: "true", False: "false"}
    return words[found] if found is None or isinstance(found, bool) else f"{found!r:.60}"


def _without_none(hint: Any) -> Any:
    """The kind that an optional value has if it is there."""
    (kind,) = (arm for arm in get_args(hint) if arm is not NoneType)
    return kind
