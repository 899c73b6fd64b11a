"""Entries of a JSON file into a dataclass, strictly: every key known, every value of its kind."""

from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from videomae2.errors import CheckpointError

T = TypeVar("T")


def build(kind: type[T], entries: dict[str, Any], path: Path, *, where: str = "") -> T:
    """Make a dataclass of what a file says.

    Args:
        kind: The dataclass. A field that the file leaves out takes its default.
        entries: The object that was read.
        path: The file, for messages.
        where: Its place in the file, with a dot at the end.

    Raises:
        CheckpointError: Naming the first key that is not known (and the nearest that is), missing
            without a default, or of another kind.
    """
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    for name in entries:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"the nearest is '{near[0]}'" if near else f"known are {', '.join(known)}"
            raise CheckpointError(f"{path}: '{where}{name}' is not known; {hint}")
    values = {}
    for name, field in known.items():
        if name in entries:
            values[name] = _value(hints[name], entries[name], path, f"{where}{name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise CheckpointError(f"{path}: '{where}{name}' is missing")
    try:
        return kind(**values)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error


def _value(hint: Any, found: Any, path: Path, name: str) -> Any:
    arms = [arm for arm in get_args(hint) if arm is not NoneType]
    if len(arms) == 1 and is_dataclass(arms[0]) and found is not None:
        hint = arms[0]  # a dataclass, or None
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(found, dict):
        return build(hint, found, path, where=f"{name}.")
    try:
        return _read(hint, found)
    except TypeError:
        want = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
        raise CheckpointError(f"{path}: '{name}' is {found!r:.60}, want {want}") from None


def _read(hint: Any, found: Any) -> Any:
    """Give a value as its kind; TypeError if it is of another."""
    origin, arms = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (kind,) = (arm for arm in arms if arm is not NoneType)
        return None if found is None else _read(kind, found)
    if origin is Literal and isinstance(found, str) and found in arms:
        return found
    if origin is tuple and isinstance(found, list):
        kinds = (arms[0],) * len(found) if arms[-1] is Ellipsis else arms
        if len(kinds) == len(found):
            return tuple(_read(kind, value) for kind, value in zip(kinds, found, strict=True))
    if origin is dict and isinstance(found, dict):
        return found
    if hint is float and type(found) is int:
        return float(found)
    if origin is None and type(found) is hint:
        return found
    raise TypeError(found)
