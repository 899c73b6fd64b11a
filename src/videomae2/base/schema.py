"""Plain values of a file → dataclasses, strictly: every key known, every value of its kind.

Settings have dotted paths, as flags and messages name them. Every problem of a configuration is
noted with its line; none stops.

"""

import math
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from videomae2.errors import CheckpointError


class YamlMapping(dict[Any, Any]):
    """A mapping of a file, with the line of each key, counted from 1."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[Any, int] = {}


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give every setting under a dataclass as (``optim.epochs``, 300), in order."""
    if is_dataclass(value):
        for field in fields(value):
            yield from flatten(getattr(value, field.name), f"{path}{field.name}.")
    elif isinstance(value, tuple) and any(is_dataclass(part) for part in value):
        for number, part in enumerate(value):
            yield from flatten(part, f"{path}{number}.")
    else:
        yield path.removesuffix("."), value


def flag_name(path: str) -> str:
    """The flag that sets the setting with this path."""
    return "--" + path.replace("_", "-")


def wildcard_path(path: str) -> str:
    """The path with a star for the number of a source, as the tables of settings write it."""
    return ".".join("*" if part.isdigit() else part for part in path.split("."))


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
        return (
            "a list of sections" if is_dataclass(arms[0]) else f"a list of {_TYPE_NAMES[arms[0]]}s"
        )
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


class ConfigReader:
    """Reads one file and gathers its problems.

    What is wrong becomes None, so a result counts only while there is no problem.
    """

    def __init__(self, path: Path, kind: type[Any]) -> None:
        self.path = path
        self.line_problems: list[tuple[int, str]] = []
        """Line and problem."""
        self._known = list(list_setting_paths(kind))

    @property
    def problems(self) -> list[str]:
        """Each problem with file and line."""
        return [f"{self.path}:{line}: {problem}" for line, problem in self.line_problems]

    def read_dataclass(
        self, cls: type[Any], mapping: YamlMapping, base: Any, path: str = ""
    ) -> Any:
        """Read a dataclass; ``base`` gives the fields that the file leaves out."""
        known = {field.name: field for field in fields(cls)}
        hints = get_type_hints(cls)
        for key in mapping:
            if key not in known:
                self._add_unknown_key(f"{path}{key}", path, known, mapping.lines[key])
        values = {
            name: self._read_field(field, hints[name], mapping, base, path)
            for name, field in known.items()
        }
        if self.line_problems:
            return None
        try:
            return cls(**values)
        except ValueError as error:
            return self._add_problem(mapping.line, f"{path.removesuffix('.')}: {error}")

    def _read_field(
        self, field: Field[Any], hint: Any, mapping: YamlMapping, base: Any, path: str
    ) -> Any:
        name, declared_default = field.name, _declared_default(field)
        default = declared_default if base is None else getattr(base, field.name)
        if name in mapping:
            return self._read_value(
                hint, mapping[name], default, f"{path}{name}", mapping.lines[name]
            )
        if default is not MISSING:
            return default
        return self._add_problem(mapping.line, f"{path}{name} is missing; it has no default")

    def _read_value(self, hint: Any, value: Any, base: Any, path: str, line: int) -> Any:
        """Read one value, or a section, or a list of sections."""
        item_type = _tuple_item_type(hint)
        if is_dataclass(hint) and isinstance(value, YamlMapping):
            base_or_none = None if base is MISSING else base
            return self.read_dataclass(_as_type(hint), value, base_or_none, f"{path}.")
        if item_type is not None and isinstance(value, list):
            return self._read_list(item_type, value, base, path, line)
        try:
            return parse_value(hint, value)
        except ValueError:
            return self._add_problem(
                line, f"{path} wants {type_name(hint)}, found {repr_value(value)}"
            )

    def _read_list(
        self, item_type: type[Any], items: list[Any], base: Any, path: str, line: int
    ) -> Any:
        """Read sections one by one; they change those of the base if they are as many."""
        bases = base if isinstance(base, tuple) and len(base) == len(items) else [None] * len(items)
        return tuple(
            self._read_value(
                item_type,
                section,
                MISSING if start is None else start,
                f"{path}.{n}",
                section.line if isinstance(section, YamlMapping) else line,
            )
            for n, (section, start) in enumerate(zip(items, bases, strict=True))
        )

    def _add_unknown_key(
        self, path: str, section: str, known_keys: dict[str, Any], line: int
    ) -> None:
        matches = get_close_matches(
            path, [f"{section}{name}" for name in known_keys], n=1, cutoff=0.75
        )
        leaf = path.rsplit(".", 1)[-1]
        matches = matches or [p for p in self._known if p.rsplit(".", 1)[-1] == leaf]
        matches = matches or get_close_matches(path, self._known, n=1, cutoff=0.5)
        hint = f"did you mean {matches[0]}?" if matches else f"known here: {', '.join(known_keys)}"
        self._add_problem(line, f"{path} is no setting; {hint}")

    def _add_problem(self, line: int, problem: str) -> None:
        self.line_problems.append((line, problem))


def _tuple_item_type(hint: Any) -> type[Any] | None:
    """The dataclass whose instances a tuple holds, if it does."""
    arms = get_args(hint)
    holds_dataclasses = get_origin(hint) is tuple and is_dataclass(arms[0])
    return _as_type(arms[0]) if holds_dataclasses else None


def _as_type(hint: Any) -> type[Any]:
    kind: type[Any] = hint
    return kind


def _declared_default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def list_setting_paths(cls: type[Any], path: str = "") -> Iterator[str]:
    """Every setting that a kind of run has."""
    for name, hint in get_type_hints(cls).items():
        item_type = _tuple_item_type(hint)
        if is_dataclass(hint):
            yield from list_setting_paths(_as_type(hint), f"{path}{name}.")
        elif item_type is not None:
            yield from list_setting_paths(item_type, f"{path}{name}.N.")
        else:
            yield f"{path}{name}"


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
            return tuple(
                _convert_value(kind, value) for kind, value in zip(kinds, raw, strict=True)
            )
    if origin is dict and isinstance(raw, dict):
        return raw
    if hint is float and type(raw) is int:
        return float(raw)
    if origin is None and type(raw) is hint:
        return raw
    raise TypeError(raw)
