"""Plain values of a file → dataclasses, strictly: every key known, every value of its kind.

Settings have dotted paths, as flags and messages name them. Every problem is noted, with its line
where the file is YAML; none stops.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from reprlib import Repr
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from videomae2.errors import CheckpointError, shorten

T = TypeVar("T")
_MAX_HINTS = 20


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


def list_settings(cls: type[Any], path: str = "") -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Every setting that a kind of run has, with what its type is annotated with.

    The number of a list's section is a star.
    """
    hints = get_type_hints(cls, include_extras=True)
    for name in (field.name for field in fields(cls)):
        hint, annotations = hints[name], getattr(hints[name], "__metadata__", ())
        hint = _strip_none(hint.__origin__ if annotations else hint)
        item_type = _tuple_item_type(hint)
        if is_dataclass(hint):
            yield from list_settings(_as_type(hint), f"{path}{name}.")
        elif item_type is not None:
            yield from list_settings(item_type, f"{path}{name}.*.")
        else:
            yield f"{path}{name}", annotations


def from_dict(cls: type[T], entries: Mapping[str, Any], path: Path) -> T:
    """Make a dataclass of what a file says; a field that it leaves out takes its default.

    Raises:
        CheckpointError: Naming the file and every key that is not known (and the nearest that is),
            missing without a default, or of another kind.
    """
    reader = ConfigReader(path, cls)
    value: T = reader.read_dataclass(cls, entries, None)
    if reader.line_problems:
        problems = [problem for _, problem in reader.line_problems]
        more = len(problems) - _MAX_HINTS
        shown = [*problems[:_MAX_HINTS], *([f"and {more} more problems"] * (more > 0))]
        raise CheckpointError(f"{path}: {'; '.join(shown)}")
    return value


def find_replaced(cls: type[Any], named: Collection[str]) -> set[str]:
    """Fields that do not hold any more where others are named that say the same in another way.

    A dataclass lists those that exclude each other in ``ALTERNATIVES``. All that are named stay:
    whether they go together is checked elsewhere.
    """
    groups = getattr(cls, "ALTERNATIVES", ())
    return {
        name
        for group in groups
        if any(name in named for name in group)
        for name in group
        if name not in named
    }


class ConfigReader:
    """Reads one file and gathers its problems.

    What is wrong becomes None, so a result counts only while there is no problem.
    """

    def __init__(self, path: Path, kind: type[Any]) -> None:
        self.path = path
        self.line_problems: list[tuple[int, str]] = []
        """Line (0 where the file has none) and problem."""
        self._known = [path.replace("*", "N") for path, _ in list_settings(kind)]

    @property
    def problems(self) -> list[str]:
        """Each problem with file and line, where the file has lines."""
        return [
            f"{self.path}{f':{line}' if line else ''}: {problem}"
            for line, problem in self.line_problems
        ]

    def read_dataclass(
        self, cls: type[Any], mapping: Mapping[str, Any], base: Any, path: str = ""
    ) -> Any:
        """Read a dataclass; ``base`` gives the fields that the file leaves out."""
        known, hints, line = {f.name: f for f in fields(cls)}, get_type_hints(cls), _line(mapping)
        for key in mapping:
            if key not in known:
                self._add_unknown_key(f"{path}{key}", path, known, _line(mapping, key))
        replaced = find_replaced(cls, {key for key, value in mapping.items() if value is not None})
        values = {}
        for name, field in known.items():
            default = _declared_default(field) if base is None else getattr(base, name)
            if name in mapping:
                values[name] = self._read_value(
                    hints[name], mapping[name], default, f"{path}{name}", _line(mapping, name)
                )
            elif name in replaced:
                values[name] = None
            elif default is MISSING:
                self._add_problem(line, f"{path}{name} is missing; it has no default")
            else:
                values[name] = default
        if self.line_problems:
            return None
        try:
            return cls(**values)
        except ValueError as error:
            return self._add_problem(line, f"{path.removesuffix('.')}: {error}".lstrip(": "))

    def _read_value(self, hint: Any, value: Any, base: Any, path: str, line: int) -> Any:
        """Read one value, or a section, or a list of sections."""
        section_type, item_type = _strip_none(hint), _tuple_item_type(hint)
        if is_dataclass(section_type) and isinstance(value, Mapping):
            start = None if base is MISSING else base
            return self.read_dataclass(_as_type(section_type), value, start, f"{path}.")
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
        starts = (MISSING if start is None else start for start in bases)
        return tuple(
            self._read_value(item_type, section, start, f"{path}.{n}", _line(section) or line)
            for n, (section, start) in enumerate(zip(items, starts, strict=True))
        )

    def _add_unknown_key(
        self, path: str, section: str, known_keys: dict[str, Any], line: int
    ) -> None:
        if len(self.line_problems) >= _MAX_HINTS:  # looking for near names takes its time
            self._add_problem(line, f"{shorten(path, 60)} is no setting")
            return
        matches = get_close_matches(
            path, [f"{section}{name}" for name in known_keys], n=1, cutoff=0.75
        )
        leaf = path.rsplit(".", 1)[-1]
        matches = matches or [p for p in self._known if p.rsplit(".", 1)[-1] == leaf]
        matches = matches or get_close_matches(path, self._known, n=1, cutoff=0.5)
        hint = f"did you mean {matches[0]}?" if matches else f"known here: {', '.join(known_keys)}"
        self._add_problem(line, f"{shorten(path, 60)} is no setting; {hint}")

    def _add_problem(self, line: int, problem: str) -> None:
        self.line_problems.append((line, problem))


def parse_value(hint: Any, value: Any) -> Any:
    """Read one value that holds no dataclass; ValueError if it is of another kind."""
    origin, arms = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return None if value is None else parse_value(_strip_none(hint), value)
    if origin is Literal:
        return _require(value, isinstance(value, str) and value in arms)
    if origin is dict:
        return _require(value, isinstance(value, dict))
    if origin is tuple:
        items = _require(value, isinstance(value, list))
        arms = (arms[0],) * len(items) if arms[-1] is Ellipsis else arms
        _require(value, len(items) == len(arms))
        return tuple(parse_value(arm, part) for arm, part in zip(arms, items, strict=True))
    if hint is Path:
        return Path(_require(value, isinstance(value, str) and value != ""))
    if hint is float:  # YAML takes 1e-5 for text, since it wants a dot in it
        is_number = isinstance(value, int | float | str) and not isinstance(value, bool)
        try:
            number = float(_require(value, is_number))
        except OverflowError:
            raise ValueError(value) from None
        return float(_require(number, math.isfinite(number)))
    return _require(value, type(value) is hint)


def _require(value: Any, is_valid: bool) -> Any:
    if not is_valid:
        raise ValueError(value)
    return value


_TYPE_NAMES: dict[Any, str] = {
    int: "whole number", float: "number", str: "text in quotes", bool: "true or false",
    Path: "path",
}  # fmt: skip


def type_name(hint: Any) -> str:
    """Say what kind of value is wanted."""
    origin, arms = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return f"{type_name(_strip_none(hint))} or null"
    if origin is Literal:
        return f"one of {', '.join(arms)}"
    if is_dataclass(hint) or origin is dict:
        return "a section with settings of its own"
    if origin is tuple and is_dataclass(arms[0]):
        return "a list of sections"
    if origin is tuple:
        return f"a list of {'' if arms[-1] is ... else f'{len(arms)} '}{_TYPE_NAMES[arms[0]]}s"
    return f"{'' if hint in (bool, str) else 'a '}{_TYPE_NAMES[hint]}"


_SHORT = Repr()
"""Writes the beginning of a value: a few lines of YAML can name one of a thousand million parts."""
_SHORT.maxstring = _SHORT.maxother = 60


def repr_value(value: Any) -> str:
    """Write a value as YAML would."""
    if isinstance(value, dict):
        return "a section"
    words = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    try:
        return _SHORT.repr(value)[:60]
    except ValueError:  # Python writes no numbers of thousands of digits
        return "a number that is too long"


def _line(mapping: Any, key: str | None = None) -> int:
    """The line of a mapping or of one of its keys; 0 where that is not known."""
    if not isinstance(mapping, YamlMapping):
        return 0
    return mapping.line if key is None else mapping.lines[key]


def _strip_none(hint: Any) -> Any:
    """The kind that an optional value has if it is there."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    (inner_type,) = (arm for arm in get_args(hint) if arm is not NoneType)
    return inner_type


def _tuple_item_type(hint: Any) -> type[Any] | None:
    """The dataclass whose instances a tuple holds, if it does."""
    is_of_sections = get_origin(hint) is tuple and is_dataclass(get_args(hint)[0])
    return _as_type(get_args(hint)[0]) if is_of_sections else None


def _as_type(hint: Any) -> type[Any]:
    kind: type[Any] = hint
    return kind


def _declared_default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
