"""Plain values of a file → the dataclasses of a run; every problem is noted, none stops."""

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from videomae2.config.kinds import type_name, parse_value, repr_value
from videomae2.config.markup import YamlMapping


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

    def read_dataclass(self, cls: type[Any], mapping: YamlMapping, base: Any, path: str = "") -> Any:
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

    def _read_field(self, field: Field[Any], hint: Any, mapping: YamlMapping, base: Any, path: str) -> Any:
        name, declared_default = field.name, _declared_default(field)
        default = declared_default if base is None else getattr(base, field.name)
        if name in mapping:
            return self._read_value(hint, mapping[name], default, f"{path}{name}", mapping.lines[name])
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
            return self._add_problem(line, f"{path} wants {type_name(hint)}, found {repr_value(value)}")

    def _read_list(self, item_type: type[Any], items: list[Any], base: Any, path: str, line: int) -> Any:
        """Read sections one by one; they change those of the base if they are as many."""
        bases = (
            base if isinstance(base, tuple) and len(base) == len(items) else [None] * len(items)
        )
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

    def _add_unknown_key(self, path: str, section: str, known_keys: dict[str, Any], line: int) -> None:
        matches = get_close_matches(path, [f"{section}{name}" for name in known_keys], n=1, cutoff=0.75)
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
