"""The kinds of a setting's value: reading one strictly, and naming it for people."""

import math
from dataclasses import is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin


def parse_value(hint: Any, value: Any) -> Any:
    """Read one value that holds no dataclass; ValueError if it is of another kind."""
    origin, arms = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return None if value is None else parse_value(_strip_none(hint), value)
    if origin is Literal:
        return _require(value, value in arms and isinstance(value, str))
    if origin is tuple:
        return _parse_tuple(arms, value)
    if hint is Path:
        return Path(_require(value, isinstance(value, str) and value != ""))
    if hint is float:
        return _parse_number(value)
    return _require(value, type(value) is hint)


def type_name(hint: Any) -> str:
    """Say what kind of value is wanted."""
    origin, arms = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return f"{type_name(_strip_none(hint))} or null"
    if origin is Literal:
        return f"one of {', '.join(arms)}"
    if origin is tuple and arms[-1] is Ellipsis:
        return "a list of sections" if is_dataclass(arms[0]) else f"a list of {_TYPE_NAMES[arms[0]]}s"
    if origin is tuple:
        return f"a list of {len(arms)} {_TYPE_NAMES[arms[0]]}s"
    if is_dataclass(hint):
        return "a section with settings of its own"
    return f"{'' if hint in (bool, str) else 'a '}{_TYPE_NAMES[hint]}"


_TYPE_NAMES: dict[Any, str] = {
    int: "whole number", float: "number", str: "text in quotes", bool: "true or false",
    Path: "path",
}  # fmt: skip


def _parse_tuple(arms: tuple[Any, ...], items: Any) -> tuple[Any, ...]:
    _require(items, isinstance(items, list))
    if arms[-1] is Ellipsis:
        arms = (arms[0],) * len(items)
    _require(items, len(items) == len(arms))
    return tuple(parse_value(arm, part) for arm, part in zip(arms, items, strict=True))


def _parse_number(value: Any) -> float:
    """Read a number; YAML takes 1e-5 for text, since it wants a dot in it."""
    _require(value, isinstance(value, int | float | str) and not isinstance(value, bool))
    number = float(value)
    return float(_require(number, math.isfinite(number)))


def _require(value: Any, is_valid: bool) -> Any:
    if not is_valid:
        raise ValueError(value)
    return value


def repr_value(value: Any) -> str:
    """Write a value as YAML would."""
    if isinstance(value, dict):
        return "a section"
    yaml_words = {None: "null", True: "true", False: "false"}
    return yaml_words[value] if value is None or isinstance(value, bool) else f"{value!r:.60}"


def _strip_none(hint: Any) -> Any:
    """The kind that an optional value has if it is there."""
    (inner_type,) = (arm for arm in get_args(hint) if arm is not NoneType)
    return inner_type
