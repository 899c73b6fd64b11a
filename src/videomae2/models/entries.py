"""Entries of a JSON file into a dataclass, strictly: every key known, every value of its kind."""

from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from videomae2.errors import CheckpointError

T = TypeVar("T")


def from_dict(cls: type[T], entries: dict[str, Any], path: Path, *, location: str = "") -> T:
    """Make a dataclass of what a file says.

    Args:
        cls: The dataclass. A field that the file leaves out takes its default.
        entries: The object that was read.
        path: The file, for messages.
        location: Its place in the file, with a dot at the end.

    Raises:
        CheckpointError: Naming the first key that is not known (and the nearest that is), missing
            without a default, or of another kind.
    """
    known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
    hints = get_type_hints(cls)
    for name in entries:
        if name not in known:
            nearest = get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"the nearest is '{nearest[0]}'" if nearest else f"known are {', '.join(known)}"
            raise CheckpointError(f"{path}: '{location}{name}' is not known; {hint}")
    values = {}
    for name, field in known.items():
        if name in entries:
            values[name] = _convert_field(hints[name], entries[name], path, f"{location}{name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise CheckpointError(f"{path}: '{location}{name}' is missing")
    try:
        return cls(**values)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error


def _convert_field(hint: Any, raw: Any, path: Path, name: str) -> Any:
    arms = [arm for arm in get_args(hint) if arm is not NoneType]
    if len(arms) == 1 and is_dataclass(arms[0]) and raw is not None:
        hint = arms[0]  # a dataclass, or None
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(raw, dict):
        return from_dict(hint, raw, path, location=f"{name}.")
    try:
        return _convert_value(hint, raw)
    except TypeError:
        expected = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
        raise CheckpointError(f"{path}: '{name}' is {raw!r:.60}, want {expected}") from None


def _convert_value(hint: Any, raw: Any) -> Any:
    """Give a value as its kind; TypeError if it is of another."""
    origin, arms = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (kind,) = (arm for arm in arms if arm is not NoneType)
        return None if raw is None else _convert_value(kind, raw)
    if origin is Literal and isinstance(raw, str) and raw in arms:
        return raw
    if origin is tuple and isinstance(raw, list):
        kinds = (arms[0],) * len(raw) if arms[-1] is Ellipsis else arms
        if len(kinds) == len(raw):
            return tuple(_convert_value(kind, value) for kind, value in zip(kinds, raw, strict=True))
    if origin is dict and isinstance(raw, dict):
        return raw
    if hint is float and type(raw) is int:
        return float(raw)
    if origin is None and type(raw) is hint:
        return raw
    raise TypeError(raw)
